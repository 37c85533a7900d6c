//! `oddish logs`.

mod args;
mod follow;
mod output;

use oddish_api_types::{LogSource, TrialResponse};
use tokio::signal::unix::{SignalKind, signal};

use self::follow::follow;
use self::output::Output;
use crate::batch::patiently;
use crate::client::{Client, ClientError, LogPart};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::target::{Filter, Target};

pub(crate) use self::args::LogsArgs;

/// Shows what trials printed, one after the other; or one trial while it runs.
pub(crate) async fn logs(args: &LogsArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    // From before the first request until after the last, so that Ctrl-C ends in the same way at any time.
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
    tokio::select! {
        shown = show(args, printer) => shown,
        _ = interrupt.recv() => Ok(ExitStatus::Interrupted),
    }
}

async fn show(args: &LogsArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let target = Target::find(&client, args.target.as_deref(), args.experiment.as_deref()).await?;
    let filter = Filter::find(&client, &args.filter).await?;
    let trials = target.trials(&client).await.map_err(|error| error.while_doing("cannot list the trials"))?;
    let meant: Vec<&TrialResponse> = trials.iter().filter(|trial| filter.takes(trial)).collect();
    if args.follow || args.attempt.is_some() {
        let flag = if args.follow { "--follow" } else { "--attempt" };
        let trial = only(&target, &meant, flag)?;
        let mut output = Output::new(printer, args.json);
        if args.follow {
            follow(&client, trial, args, &mut output, printer).await?;
        } else {
            let read = read(&client, &trial.id, args, &mut output, printer).await?;
            read.map_err(|error| error.while_doing("cannot read the log"))?;
        }
        return Ok(ExitStatus::Success);
    }
    show_all(&client, &target, &meant, args, printer).await
}

/// The trial that is meant, where it must be one.
fn only<'a>(target: &Target, meant: &[&'a TrialResponse], flag: &str) -> Result<&'a TrialResponse, Failure> {
    if let [trial] = meant {
        return Ok(trial);
    }
    let hint = match meant.first() {
        Some(trial) => format!("name one, such as `oddish logs {} {flag}`", plain_text::line(&trial.id)),
        None => "`oddish status` shows what there is".to_owned(),
    };
    Err(Failure::usage(format!("{flag} is for one trial, and {} of {target} are meant", meant.len())).with_hint(hint))
}

async fn show_all(
    client: &Client,
    target: &Target,
    meant: &[&TrialResponse],
    args: &LogsArgs,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    if meant.is_empty() {
        printer.note(&format!("No trial of {target} is meant."));
    }
    let has_headers = !args.json && !matches!(target, Target::Trial(_));
    let mut status = ExitStatus::Success;
    for (index, trial) in meant.iter().enumerate() {
        if has_headers {
            let separator = if index == 0 { "" } else { "\n" };
            printer.result(&format!("{separator}==> {} <==", described(trial)))?;
        }
        let mut output = Output::new(printer, args.json);
        // One that is gone meanwhile keeps no other back; a server that cannot be asked does.
        match read(client, &trial.id, args, &mut output, printer).await? {
            Ok(()) => {}
            Err(error) if error.is_not_found() => {
                printer.error(&format!("{}: {error}", plain_text::line(&trial.id)));
                status = ExitStatus::Failure;
            }
            Err(error) => return Err(error.while_doing("cannot read the log")),
        }
    }
    Ok(status)
}

/// `my-task-1a2b3c4d-0: codex, gpt-5.2, failed`.
fn described(trial: &TrialResponse) -> String {
    let model = trial.model.as_deref().map(|model| format!(", {model}")).unwrap_or_default();
    plain_text::line(&format!("{}: {}{model}, {}", trial.id, trial.agent, trial.status))
}

/// Reads a log as it is now, from its beginning or its last lines. The inner error is the server's.
async fn read(
    client: &Client,
    trial_id: &str,
    args: &LogsArgs,
    output: &mut Output<'_>,
    printer: &Printer,
) -> Result<Result<(), ClientError>, Failure> {
    let mut attempt = args.attempt;
    let mut part = args.tail.map_or(LogPart::From(0), LogPart::Tail);
    let mut of: Option<(LogSource, Option<i32>)> = None;
    loop {
        let answer = match patiently(async || client.trial_logs(trial_id, attempt, part).await).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let is_another = of.is_some_and(|of| of != (answer.source, answer.attempt));
        if is_another {
            // Offsets count in one log only.
            printer.warning("the trial was tried again while its log was read: the rest is not shown");
            break;
        }
        output.write(&answer)?;
        if args.tail.is_some() {
            if answer.truncated {
                printer.note("Lines before these are left out: they are too long for one answer.");
            }
            break;
        }
        let goes_on = answer.truncated && !answer.complete && !answer.logs.is_empty();
        if !goes_on {
            break;
        }
        of = Some((answer.source, answer.attempt));
        if answer.source == LogSource::Live {
            attempt = answer.attempt;
        }
        part = LogPart::From(answer.next_offset);
    }
    if output.is_empty() {
        printer.note(&format!("{} has printed nothing.", plain_text::line(trial_id)));
    }
    output.end()?;
    Ok(Ok(()))
}

//! `oddish cancel` (docs/compatibility.md, 2.6).

mod args;

use oddish_api_types::{CancelledTrials, TrialResponse};
use serde_json::json;

use crate::batch::{Batch, each};
use crate::client::{Client, ClientError};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::question::confirmed;
use crate::target::{Filter, Target};
use crate::view::change::{cancelled_trials, dry_run, number};

pub(crate) use self::args::CancelArgs;

/// Cancels trials: those that wait end at once, those that run stop within seconds, those that have ended stay as they are.
pub(crate) async fn cancel(args: &CancelArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let target = Target::find(&client, args.target.as_deref(), args.experiment.as_deref()).await?;
    let filter = Filter::find(&client, &args.filter).await?;
    let trials = target.trials(&client).await.map_err(|error| error.while_doing("cannot list the trials"))?;
    let meant: Vec<&TrialResponse> = trials.iter().filter(|trial| filter.takes(trial)).collect();
    let (open, ended): (Vec<&TrialResponse>, Vec<&TrialResponse>) =
        meant.iter().partition(|trial| !trial.status.is_terminal());
    if args.dry_run {
        return told(args, printer, &target, &open, &ended);
    }
    let whole = args.filter.is_empty();
    if open.is_empty() && !(whole && is_judged_still(&target)) {
        let nothing = CancelledTrials { already_ended: ids(&ended), ..CancelledTrials::default() };
        return finish(args, printer, &target, &nothing, &Batch::<()>::default());
    }
    let question = format!("Cancel {} of {target}?", number(open.len(), meant.len(), "trial"));
    if !confirmed(&question, args.yes)? {
        printer.note("Aborted.");
        return Ok(ExitStatus::Success);
    }
    if whole {
        let cancelled = cancel_whole(&client, &target).await.map_err(|error| error.while_doing("cannot cancel"))?;
        return finish(args, printer, &target, &cancelled, &Batch::<()>::default());
    }
    // `each` repeats.
    let once = client.without_repeats();
    let send = async |id: &str| once.cancel_trial(id).await;
    let batch = each(ids(&open), "Cancelling", printer, send).await?;
    let mut cancelled = CancelledTrials { already_ended: ids(&ended), ..CancelledTrials::default() };
    for CancelledTrials { cancelled: waiting, stopping, already_stopping, already_ended } in
        batch.done.iter().map(|answer| answer.trials.clone())
    {
        cancelled.cancelled.extend(waiting);
        cancelled.stopping.extend(stopping);
        cancelled.already_stopping.extend(already_stopping);
        cancelled.already_ended.extend(already_ended);
    }
    finish(args, printer, &target, &cancelled, &batch)
}

/// Whether there is something to cancel where all trials have ended: analyses, or a verdict.
fn is_judged_still(target: &Target) -> bool {
    match target {
        Target::Task(task) => !task.status.is_terminal(),
        Target::Trial(_) => false,
        Target::Experiment(experiment) => experiment.verdict_pending > 0,
    }
}

async fn cancel_whole(client: &Client, target: &Target) -> Result<CancelledTrials, ClientError> {
    Ok(match target {
        Target::Task(task) => client.cancel_task(&task.id).await?.trials,
        Target::Trial(trial) => client.cancel_trial(&trial.id).await?.trials,
        Target::Experiment(experiment) => client.cancel_experiment(&experiment.id).await?.trials,
    })
}

fn ids(trials: &[&TrialResponse]) -> Vec<String> {
    trials.iter().map(|trial| trial.id.clone()).collect()
}

fn told(
    args: &CancelArgs,
    printer: &Printer,
    target: &Target,
    open: &[&TrialResponse],
    ended: &[&TrialResponse],
) -> Result<ExitStatus, Failure> {
    if args.json {
        let would = json!({
            "dry_run": true, "target": target.as_json(), "would_cancel": ids(open), "already_ended": ids(ended)
        });
        printer.json(&would)?;
    } else {
        printer.result(&dry_run(target, "cancelled", open))?;
    }
    Ok(ExitStatus::Success)
}

fn finish<T>(
    args: &CancelArgs,
    printer: &Printer,
    target: &Target,
    trials: &CancelledTrials,
    batch: &Batch<T>,
) -> Result<ExitStatus, Failure> {
    batch.report(printer);
    if args.json {
        let result = json!({
            "dry_run": false, "target": target.as_json(), "cancelled": trials.cancelled, "stopping": trials.stopping,
            "already_stopping": trials.already_stopping, "already_ended": trials.already_ended,
            "failed": batch.failed, "not_tried": batch.not_tried
        });
        printer.json(&result)?;
    } else {
        printer.result(&cancelled_trials(target, trials))?;
    }
    Ok(batch.status())
}

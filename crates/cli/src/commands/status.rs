//! `oddish status` (docs/compatibility.md, 2.5).

mod args;

use oddish_api_types::TaskStatusResponse;
use serde_json::json;

use crate::client::Client;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::view::table::stdout_width;
use crate::view::task;
use crate::watching::{Subject, print_json, watch_and_show};

pub(crate) use self::args::StatusArgs;

/// Shows a task, an experiment, or the newest experiments.
pub(crate) async fn status(args: &StatusArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    if args.watch && args.task_id.is_none() && args.experiment.is_none() {
        return Err(Failure::usage("--watch needs something to watch").with_hint("oddish watch TASK_ID"));
    }
    let client = args.server.client(printer)?;
    let subject = match (&args.task_id, &args.experiment) {
        (Some(text), _) => Subject::Task(naming::task_id(&client, text).await?.into_owned()),
        (None, Some(text)) => Subject::Experiment(naming::experiment_id(&client, text).await?.into_owned()),
        (None, None) => return recent(args, &client, printer).await,
    };
    if !args.watch {
        let tasks = subject.fetch(&client).await.map_err(|error| subject.failure(&error))?;
        if tasks.is_empty() {
            return Err(subject.absent());
        }
        if args.json {
            print_json(&subject, &tasks, printer)?;
        } else {
            printer.result(&as_text(&subject, &tasks))?;
        }
        return Ok(ExitStatus::Success);
    }
    watch_and_show(&client, printer, &subject, args.json).await
}

fn as_text(subject: &Subject, tasks: &[TaskStatusResponse]) -> String {
    match (subject, tasks) {
        (Subject::Task(_), [task]) => task::task(task, stdout_width()),
        _ => task::experiment(tasks, stdout_width()),
    }
}

async fn recent(args: &StatusArgs, client: &Client, printer: &Printer) -> Result<ExitStatus, Failure> {
    let (experiments, total) = client
        .recent_experiments(usize::try_from(args.limit).unwrap_or(usize::MAX))
        .await
        .map_err(|error| error.while_doing("cannot get the status"))?;
    if args.json {
        printer.json(&json!({ "experiments": experiments, "total": total }))?;
    } else if experiments.is_empty() {
        printer.note(&format!("No experiments yet at {}.", client.server()));
    } else {
        printer.result(&task::recent_experiments(&experiments, stdout_width()))?;
        if let Some(total) = total.filter(|total| *total > experiments.len()) {
            printer
                .note(&format!("{} of {total} experiments are shown; `--limit {total}` shows all.", experiments.len()));
        }
    }
    Ok(ExitStatus::Success)
}

//! `oddish status` (docs/compatibility.md, 2.5).

mod args;

use oddish_api_types::TaskStatusResponse;
use serde::Serialize;
use serde_json::json;

use crate::client::Client;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::view::table::stdout_width;
use crate::view::{task, trial};
use crate::watching::{Subject, Watched, watch};

pub(crate) use self::args::StatusArgs;

const RECENT_EXPERIMENTS: usize = 8;

/// Shows a task, an experiment, or the newest experiments.
pub(crate) async fn status(args: &StatusArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let subject = match (&args.task_id, &args.experiment) {
        (Some(text), _) => Subject::Task(naming::task_id(&client, text).await?.into_owned()),
        (None, Some(text)) => Subject::Experiment(naming::experiment_id(&client, text).await?.into_owned()),
        (None, None) if args.watch => {
            return Err(Failure::usage("--watch needs something to watch").with_hint("oddish status TASK_ID --watch"));
        }
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
            printer.result(&as_text(&subject, &tasks, client.server()))?;
        }
        return Ok(ExitStatus::Success);
    }
    let Watched::Ended(tasks) = watch(&client, printer, &subject).await? else { return Ok(ExitStatus::Interrupted) };
    if args.json {
        print_json(&subject, &tasks, printer)?;
    } else {
        printer.result(&trial::results(&tasks, client.server(), stdout_width()))?;
    }
    Ok(if trial::any_failed(&tasks) { ExitStatus::TrialsFailed } else { ExitStatus::Success })
}

fn as_text(subject: &Subject, tasks: &[TaskStatusResponse], server: &str) -> String {
    match (subject, tasks) {
        (Subject::Task(_), [task]) => task::task(task, server, stdout_width()),
        _ => task::experiment(tasks, stdout_width(), usize::MAX),
    }
}

fn print_json(subject: &Subject, tasks: &[TaskStatusResponse], printer: &Printer) -> Result<(), Failure> {
    match (subject, tasks) {
        (Subject::Task(_), [task]) => printer.json(task),
        _ => printer.json(&ExperimentTasks::of(tasks)),
    }
}

/// An experiment as `--json` prints it.
#[derive(Serialize)]
struct ExperimentTasks<'a> {
    experiment_id: Option<&'a str>,
    /// Null where the tasks belong to another experiment and only have trials in this one.
    experiment_name: Option<&'a str>,
    tasks: &'a [TaskStatusResponse],
}

impl<'a> ExperimentTasks<'a> {
    fn of(tasks: &'a [TaskStatusResponse]) -> Self {
        let first = tasks.first();
        Self {
            experiment_id: first.and_then(|task| task.experiment_id.as_deref()),
            experiment_name: first.and_then(|task| task.experiment_name.as_deref()),
            tasks,
        }
    }
}

async fn recent(args: &StatusArgs, client: &Client, printer: &Printer) -> Result<ExitStatus, Failure> {
    let experiments = client
        .recent_experiments(RECENT_EXPERIMENTS)
        .await
        .map_err(|error| error.while_doing("cannot get the status"))?;
    if args.json {
        printer.json(&json!({ "experiments": experiments }))?;
    } else if experiments.is_empty() {
        printer.note(&format!("No experiments yet at {}.", client.server()));
    } else {
        printer.result(&task::recent_experiments(&experiments, stdout_width()))?;
    }
    Ok(ExitStatus::Success)
}

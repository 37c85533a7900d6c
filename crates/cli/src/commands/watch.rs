//! `oddish watch`.

mod args;

use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::watching::{Subject, watch_and_show};

pub(crate) use self::args::WatchArgs;

/// Watches a task or an experiment until it ends, then shows results.
pub(crate) async fn watch(args: &WatchArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let subject = match (&args.task_id, &args.experiment) {
        (Some(text), _) => Subject::Task(naming::task_id(&client, text).await?.into_owned()),
        (None, Some(text)) => Subject::Experiment(naming::experiment_id(&client, text).await?.into_owned()),
        (None, None) => {
            return Err(Failure::usage("there is nothing to watch")
                .with_hint("oddish watch TASK_ID, or oddish watch --experiment EXPERIMENT"));
        }
    };
    watch_and_show(&client, printer, &subject, args.json).await
}

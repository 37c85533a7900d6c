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
    if args.task_id.is_none() && args.experiment.is_none() {
        return Err(Failure::usage("there is nothing to watch")
            .with_hint("oddish watch TASK_ID, or oddish watch --experiment EXPERIMENT"));
    }
    let client = args.server.client(printer)?;
    let subject = if let Some(text) = &args.experiment {
        Subject::Experiment(naming::experiment_id(&client, text).await?.into_owned())
    } else {
        let text = args.task_id.as_deref().unwrap_or_default();
        Subject::Task(naming::task_id(&client, text).await?.into_owned())
    };
    watch_and_show(&client, printer, &subject, args.json).await
}

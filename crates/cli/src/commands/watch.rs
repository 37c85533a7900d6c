//! `oddish watch`.

mod args;

use crate::client::{Api, Client};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::watching::{Subject, watch_and_show};

pub(crate) use self::args::WatchArgs;

/// Watches a task or an experiment until it ends, then shows results.
pub(crate) async fn watch(args: &WatchArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = Client::new(Api::resolve(args.api.as_deref())?)?;
    let subject = match (&args.task_id, &args.experiment) {
        (Some(task_id), _) => Subject::Task(task_id.clone()),
        (None, Some(named)) => Subject::named_experiment(&client, named).await?,
        (None, None) => {
            return Err(Failure::usage("there is nothing to watch")
                .with_hint("oddish watch TASK_ID, or oddish watch --experiment EXPERIMENT"));
        }
    };
    watch_and_show(&client, printer, &subject, args.json).await
}

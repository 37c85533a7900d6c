//! `oddish clean` (docs/compatibility.md, 2.6).

mod args;

use crate::deletion::Manner;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::target::Target;

pub(crate) use self::args::CleanArgs;

/// Deletes a task, an experiment, or all experiments.
pub(crate) async fn clean(args: &CleanArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let manner = Manner { yes: args.yes, json: args.json, printer };
    let target = match (&args.task, &args.experiment) {
        (Some(text), _) => Target::Task(Box::new(naming::task(&client, text).await?)),
        (None, Some(text)) => Target::find(&client, None, Some(text)).await?,
        (None, None) => return manner.delete_all_experiments(&client).await,
    };
    manner.delete(&client, &target).await
}

//! `oddish delete` (docs/compatibility.md, 2.6).

mod args;

use crate::deletion::Manner;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::target::Target;

pub(crate) use self::args::DeleteArgs;

/// Deletes a task, a trial or an experiment, with everything that is stored of it.
pub(crate) async fn delete(args: &DeleteArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server().client(printer)?;
    let target = Target::find(&client, args.target.as_deref(), args.experiment.as_deref()).await?;
    Manner { yes: args.yes, json: args.json, printer }.delete(&client, &target).await
}

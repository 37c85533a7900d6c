//! The arguments of `oddish doctor`.

use clap::Args;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish doctor
  oddish doctor --api http://localhost:8000 --json

Docker and the keys of model providers are checked if the server is on this
machine, since trials run there. Nothing is changed.

Exit status:
  0  nothing that is needed is missing; there may be warnings
  1  something that is needed is missing
  2  the command line makes no sense";

/// Check the server, the key and this machine, and say how to fix what is missing
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct DoctorArgs {
    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

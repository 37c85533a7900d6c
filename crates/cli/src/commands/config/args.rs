//! The arguments of `oddish config`.

use clap::Args;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish config
  oddish config --api https://oddish.example.org --json

Nothing is sent. Of a key only its beginning is shown.

Exit status:
  0  shown
  2  the command line or the environment makes no sense";

/// Show each setting of this program and where its value comes from
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct ConfigArgs {
    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

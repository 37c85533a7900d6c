//! The arguments of `oddish open`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish open my-task-1a2b3c4d
  oddish open swift-otter-x1y2 --print

The URL is always printed. The browser is BROWSER, else that of the desktop;
without a desktop none is opened.

Exit status:
  0  printed
  1  no such task or experiment, or no answer
  2  the command line makes no sense";

/// Print the address of a task or an experiment, and open it in a browser
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct OpenArgs {
    /// Task by id, or experiment by id or exact name
    #[arg(value_name = "TASK|EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) target: String,

    /// Open no browser
    #[arg(long)]
    pub(crate) print: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

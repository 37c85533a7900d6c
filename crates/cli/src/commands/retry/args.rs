//! The arguments of `oddish retry`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;
use crate::target::FilterArgs;

const EXAMPLES: &str = "\
Examples:
  oddish retry my-task-1a2b3c4d-3              One trial
  oddish retry my-task-1a2b3c4d --failed       What failed of a task
  oddish retry --experiment nightly --error-class infrastructure --dry-run

A trial runs again with all its tries, and what it left before is no longer its
result. Trials that have not ended are left alone. It asks first where trials
have a grade. Things are named by id, by exact name, or by the beginning of an
id.

Exit status:
  0  queued again, nothing to run, or the question was answered with no
  1  not found, no answer, or some could not be queued
  2  the command line makes no sense, or there is no terminal to ask at
  130  Ctrl-C; what was queued before is queued";

/// Run trials again that have ended
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct RetryArgs {
    /// Task or trial
    #[arg(value_name = "TARGET", conflicts_with = "experiment", required_unless_present = "experiment",
        value_parser = NonEmptyStringValueParser::new())]
    pub(crate) target: Option<String>,

    /// Experiment in place of a task or trial
    #[arg(short, long, value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Show which trials would run again, and queue none
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    // Last: its heading holds for what follows.
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

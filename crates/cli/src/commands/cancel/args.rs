//! The arguments of `oddish cancel`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;
use crate::target::FilterArgs;

const EXAMPLES: &str = "\
Examples:
  oddish cancel my-task-1a2b3c4d               A task with all its trials
  oddish cancel my-task-1a2b3c4d-3 --yes       One trial
  oddish cancel --experiment nightly --model gpt-5.2 --dry-run

Trials that wait end at once, those that run stop within seconds, and those
that have ended stay as they are. Things are named by id, by exact name, or by
the beginning of an id.

Exit status:
  0  cancelled, nothing to cancel, or the question was answered with no
  1  not found, no answer, or some could not be cancelled
  2  the command line makes no sense, or there is no terminal to ask at
  130  Ctrl-C; what was cancelled before is cancelled";

/// Cancel a task, a trial, or trials of an experiment
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct CancelArgs {
    /// Task or trial
    #[arg(value_name = "TARGET", conflicts_with = "experiment", required_unless_present = "experiment",
        value_parser = NonEmptyStringValueParser::new())]
    pub(crate) target: Option<String>,

    /// Experiment in place of a task or trial
    #[arg(short, long, value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Show which trials would be cancelled, and cancel none
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask
    // The published client's name for it.
    #[arg(short, long, alias = "force", short_alias = 'f')]
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

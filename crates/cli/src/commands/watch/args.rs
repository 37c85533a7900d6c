//! The arguments of `oddish watch`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish watch my-task-1a2b3c4d
  oddish watch --experiment swift-otter-x1y2
  oddish watch --experiment 9f8e7d6c --json > results.json

On a terminal the view is live: `?` shows its keys, q or Ctrl-C leaves it, and
it waits for a server that does not answer. Elsewhere it prints a few lines on
stderr, and gives up after a minute without an answer.

Exit status:
  0    all trials were executed; a reward of 0 is a result
  1    not found, or no answer
  2    the command line makes no sense
  3    trials failed to execute
  130  left before the end; the trials go on";

/// Watch a task or an experiment until it ends, then show results
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct WatchArgs {
    /// Task to watch, by id, exact name or beginning of its id
    #[arg(value_name = "TASK_ID", conflicts_with = "experiment", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: Option<String>,

    /// Experiment to watch, by id, exact name or beginning of its id
    #[arg(short, long, value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Print JSON on stdout once all trials have ended
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

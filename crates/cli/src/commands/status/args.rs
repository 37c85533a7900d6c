//! The arguments of `oddish status` (docs/compatibility.md, 2.5).

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish status                              The newest experiments
  oddish status --limit 500                  More of them
  oddish status my-task-1a2b3c4d             One task and its trials
  oddish status my-task-1a2b3c4d --watch     The same, live, until it ends
  oddish status --experiment 9f8e7d6c --json

Exit status:
  0    found and, where watched, all trials were executed
  1    not found, or no answer
  2    the command line makes no sense
  3    watched trials failed to execute
  130  a watch was left before its end; the trials go on";

/// Show a task, an experiment, or the newest experiments
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct StatusArgs {
    /// Task to show, by id, exact name or beginning of its id
    #[arg(value_name = "TASK_ID", conflicts_with = "experiment", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: Option<String>,

    /// Experiment to show, by id, exact name or beginning of its id
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Newest experiments to list, at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["task_id", "experiment"])]
    pub(crate) limit: u32,

    /// Watch until it ends, then show results: the same as `oddish watch`
    #[arg(short, long)]
    pub(crate) watch: bool,

    /// Print JSON on stdout; with --watch, once it has ended
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

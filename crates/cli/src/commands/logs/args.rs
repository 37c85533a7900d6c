//! The arguments of `oddish logs`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;
use crate::target::FilterArgs;

const EXAMPLES: &str = "\
Examples:
  oddish logs my-task-1a2b3c4d-0               What a trial printed
  oddish logs my-task-1a2b3c4d-0 --follow      The same while it runs
  oddish logs my-task-1a2b3c4d-0 --attempt 1   What its first attempt printed
  oddish logs --experiment nightly --failed --tail 20

Of a trial that has ended these are the log files that it left, of one that
runs what its newest attempt has printed so far. What could steer a terminal is
taken out. Things are named by id, by exact name, or by the beginning of an id.

Exit status:
  0  shown; with --follow, until the trial ended, whatever came of it
  1  not found, or no answer
  2  the command line makes no sense
  130  Ctrl-C; a trial that was followed goes on";

/// Show what trials printed
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct LogsArgs {
    /// Trial, or task for the logs of all its trials
    #[arg(value_name = "TARGET", conflicts_with = "experiment", required_unless_present = "experiment",
        value_parser = NonEmptyStringValueParser::new())]
    pub(crate) target: Option<String>,

    /// Experiment in place of a trial or task
    #[arg(short, long, value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Show one trial's log as it grows, until the trial ends
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Begin with the last N lines
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) tail: Option<u32>,

    /// Log of this attempt of one trial, whatever became of the trial since
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) attempt: Option<i32>,

    /// Print a line of JSON for each part of a log
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    // Last: its heading holds for what follows.
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

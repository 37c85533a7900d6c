//! The arguments of `oddish queues`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use oddish_domain::limits::MAX_CONCURRENCY;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish queues                                   Limits, and what runs and waits
  oddish queues limit openai/gpt-5.2 4
  oddish queues pause openai/gpt-5.2 --reason 'over budget'
  oddish queues resume openai/gpt-5.2 --json

A key is a provider account and a model; a model may be spelled as trials spell
it. Nothing that runs is stopped: a lowered limit waits for trials to end.

Exit status:
  0  shown, or changed
  1  no such key, no answer, or the API key may not do this
  2  the command line makes no sense";

/// Show queue keys; set their limits, pause and resume them
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct QueuesArgs {
    #[command(subcommand)]
    pub(crate) action: Option<QueuesAction>,

    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What to do with queue keys; without one they are shown.
#[derive(Debug, Subcommand)]
pub(crate) enum QueuesAction {
    /// Show all queue keys with their limits and what they hold
    #[command(after_help = help::after(EXAMPLES))]
    List,
    /// Set how many trials of a key run at once; creates a key that is not there
    #[command(after_help = help::after(EXAMPLES))]
    Limit {
        /// Queue key, or a model's name
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
        /// Trials at once; 0 lets none begin
        #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_CONCURRENCY)))]
        limit: u32,
    },
    /// Let no further trial of a key begin
    #[command(after_help = help::after(EXAMPLES))]
    Pause {
        /// Queue key, or a model's name
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
        /// Why; shown wherever a trial waits for it
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        reason: Option<String>,
    },
    /// Let trials of a key begin again
    #[command(after_help = help::after(EXAMPLES))]
    Resume {
        /// Queue key, or a model's name
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
    },
}

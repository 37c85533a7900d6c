//! The arguments of `oddish queues`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use oddish_domain::limits::MAX_CONCURRENCY;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish queues                                   Limits, running and waiting trials
  oddish queues limit openai/gpt-5.2 4
  oddish queues pause openai/gpt-5.2 --reason 'over budget'
  oddish queues resume openai/gpt-5.2 --json

A queue key is a provider account and a model. A model's name in any spelling
stands for its key. Running trials go on, whatever is changed.

Exit status:
  0  shown, or changed
  1  no such key, no answer, or the API key may not do this
  2  the command line makes no sense";

/// Show queue keys, set their limits, pause and resume them
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
    /// Set how many trials of a queue key run at once; creates an unknown key
    #[command(after_help = help::after(EXAMPLES))]
    Limit {
        /// Queue key, or a model's name
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
        /// Trials that run at once; with 0 no further one begins
        #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_CONCURRENCY)))]
        limit: u32,
    },
    /// Pause a queue key: no further trial begins
    #[command(after_help = help::after(EXAMPLES))]
    Pause {
        /// Queue key, or a model's name
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
        /// Reason, shown with each trial that waits for the key
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        reason: Option<String>,
    },
    /// Resume a paused queue key
    #[command(after_help = help::after(EXAMPLES))]
    Resume {
        /// Queue key, or a model's name
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
    },
}

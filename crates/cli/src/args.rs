//! The command line (docs/compatibility.md, 2.2).

use clap::{Parser, Subcommand};

use crate::commands::cancel::CancelArgs;
use crate::commands::check::CheckArgs;
use crate::commands::clean::CleanArgs;
use crate::commands::compare::CompareArgs;
use crate::commands::completions::CompletionsArgs;
use crate::commands::config::ConfigArgs;
use crate::commands::delete::DeleteArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::experiments::ExperimentsArgs;
use crate::commands::keys::KeysArgs;
use crate::commands::logs::LogsArgs;
use crate::commands::open::OpenArgs;
use crate::commands::queues::QueuesArgs;
use crate::commands::results::ResultsArgs;
use crate::commands::retry::RetryArgs;
use crate::commands::run::RunArgs;
use crate::commands::status::StatusArgs;
use crate::commands::watch::WatchArgs;
use crate::help;

const EXAMPLES: &str = "\
Examples:
  oddish run ./my-task -a claude-code -m claude-sonnet-4-5 --n-trials 3
  oddish watch my-task-1a2b3c4d";

/// Runs evaluations of AI agents: submits Harbor tasks, watches their trials, shows their results.
#[derive(Debug, Parser)]
#[command(name = "oddish", version, arg_required_else_help = true, after_help = help::after(EXAMPLES))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<RunArgs>),
    Status(StatusArgs),
    Watch(WatchArgs),
    Logs(LogsArgs),
    Results(ResultsArgs),
    Compare(CompareArgs),
    Cancel(CancelArgs),
    Retry(RetryArgs),
    Delete(DeleteArgs),
    Clean(CleanArgs),
    Experiments(ExperimentsArgs),
    Queues(QueuesArgs),
    Keys(KeysArgs),
    Open(OpenArgs),
    Check(CheckArgs),
    Config(ConfigArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
}

impl Command {
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Self::Run(args) if args.quiet)
    }
}

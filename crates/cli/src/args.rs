//! The command line (docs/compatibility.md, 2.2).

use clap::{Parser, Subcommand};

use crate::commands::compare::CompareArgs;
use crate::commands::results::ResultsArgs;
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
    Results(ResultsArgs),
    Compare(CompareArgs),
}

impl Command {
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Self::Run(args) if args.quiet)
    }
}

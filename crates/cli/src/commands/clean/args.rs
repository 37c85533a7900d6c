//! The arguments of `oddish clean`.

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish clean my-task-1a2b3c4d
  oddish clean --experiment 9f8e7d6c
  oddish clean --all-experiments --yes

What runs stops within seconds. With an experiment go those of its tasks that
have no trials in other experiments. `oddish delete` deletes single trials;
`oddish-server db reset` empties the database of a server of your own.

Exit status:
  0  deleted
  1  not found, no answer, some could not be deleted, or the question was
     answered with no
  2  the command line makes no sense, or there is no terminal to ask at
  130  Ctrl-C; what was deleted before is deleted";

/// Delete a task, an experiment, or all experiments
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
#[command(group = ArgGroup::new("what").required(true).args(["task", "experiment", "all_experiments"]))]
pub(crate) struct CleanArgs {
    /// Task to delete, with its versions and trials
    #[arg(value_name = "TASK", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task: Option<String>,

    /// Experiment to delete
    #[arg(short, long, value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Delete every experiment of the server
    #[arg(long)]
    pub(crate) all_experiments: bool,

    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

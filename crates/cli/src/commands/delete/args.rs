//! The arguments of `oddish delete`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish delete my-task-1a2b3c4d               A task, its versions and trials
  oddish delete my-task-1a2b3c4d-3             One trial
  oddish delete --experiment 9f8e7d6c --yes

What runs stops within seconds. With an experiment go those of its tasks that
have no trials in other experiments. Things are named by id, by exact name, or
by the beginning of an id.

Exit status:
  0  deleted
  1  not found, no answer, or the question was answered with no
  2  the command line makes no sense, or there is no terminal to ask at";

/// Delete a task, a trial or an experiment, with all that is stored of it
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct DeleteArgs {
    /// Task or trial
    #[arg(value_name = "TARGET", conflicts_with = "experiment", required_unless_present = "experiment",
        value_parser = NonEmptyStringValueParser::new())]
    pub(crate) target: Option<String>,

    /// Experiment in place of a task or trial
    #[arg(short, long, value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    server: ServerArgs,

    // The published client's short form of --api; elsewhere it is the user's.
    #[arg(short = 'u', value_name = "URL", hide = true, conflicts_with = "api")]
    published_api: Option<String>,
}

impl DeleteArgs {
    /// The server, by either name of its flag.
    pub(crate) fn server(&self) -> ServerArgs {
        let server = self.server.clone();
        ServerArgs { api: self.published_api.clone().or(server.api), ..server }
    }
}

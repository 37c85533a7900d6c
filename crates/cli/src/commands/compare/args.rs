//! The arguments of `oddish compare`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish compare 9f8e7d6c 0a1b2c3d
  oddish compare before after --agent codex --json
  oddish compare 9f8e7d6c --between gpt-5.2 gpt-5.1

Tasks are paired by name. A difference is B minus A: a negative one says that
B is worse. If each side has one agent and model, the two are compared even if
they differ; else equal ones are. docs/statistics.md explains each figure.

Exit status:
  0  compared
  1  not found, no answer, or nothing to compare
  2  the command line makes no sense";

/// Compare two experiments, task by task
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct CompareArgs {
    /// Experiment that B is compared with, by id, exact name or beginning of its id
    #[arg(value_name = "A", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) left: String,

    /// The other experiment; A again where --between is given
    #[arg(value_name = "B", required_unless_present = "between", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) right: Option<String>,

    /// Compare this agent alone
    #[arg(short, long)]
    pub(crate) agent: Option<String>,

    /// Compare this model alone
    #[arg(short, long, conflicts_with = "between")]
    pub(crate) model: Option<String>,

    /// Compare model M1 of A with model M2 of B
    #[arg(long, num_args = 2, value_names = ["M1", "M2"])]
    pub(crate) between: Option<Vec<String>>,

    /// Lowest reward that is a pass [default: 1]
    #[arg(long, value_name = "REWARD", allow_negative_numbers = true)]
    pub(crate) pass_threshold: Option<f64>,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

//! The arguments of `oddish experiments`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish experiments                              The newest 20
  oddish experiments list --status failed --all --json
  oddish experiments show swift-otter-x1y2
  oddish experiments rename 9f8e7d6c 'second try'
  oddish experiments publish 9f8e7d6c             Whoever has its token can read it

Exit status:
  0  shown, or changed
  1  no such experiment, no answer, or the API key may not do this
  2  the command line makes no sense";

/// List, show, rename and share experiments
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct ExperimentsArgs {
    #[command(subcommand)]
    pub(crate) action: Option<ExperimentsAction>,

    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What to do with experiments; without one they are listed.
#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentsAction {
    /// List experiments, newest first
    #[command(after_help = help::after(EXAMPLES))]
    List(ListArgs),
    /// Show one experiment
    #[command(after_help = help::after(EXAMPLES))]
    Show(ExperimentArgs),
    /// Give an experiment another name
    #[command(after_help = help::after(EXAMPLES))]
    Rename {
        #[command(flatten)]
        of: ExperimentArgs,
        /// Its new name
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
    /// Share an experiment: whoever has its token can read it without a key
    #[command(after_help = help::after(EXAMPLES))]
    Publish(ExperimentArgs),
    /// Stop sharing an experiment: its token stops working
    #[command(after_help = help::after(EXAMPLES))]
    Unpublish(ExperimentArgs),
}

/// Which experiment.
#[derive(Args, Debug)]
pub(crate) struct ExperimentArgs {
    /// Experiment, by id or exact name
    #[arg(value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: String,
}

/// Which experiments.
#[derive(Args, Debug, Default)]
pub(crate) struct ListArgs {
    /// Only those with this in their name or in a submitter's, or of this id
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,

    /// Only those in this state
    #[arg(long, value_enum)]
    pub(crate) status: Option<State>,

    /// Only those with a task that this user submitted
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// Most experiments to list [default: 20]
    #[arg(long, short = 'l', value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,

    /// List all
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

/// State of an experiment, as the server calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// A trial has not ended
    Active,
    /// All trials have ended
    Completed,
    /// A trial or a verdict failed
    Failed,
    /// A verdict asks for a review
    NeedsReview,
    /// A verdict has not come yet
    PendingVerdict,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::NeedsReview => "needs-review",
            Self::PendingVerdict => "pending-verdict",
        }
    }
}

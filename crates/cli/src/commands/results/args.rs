//! The arguments of `oddish results`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use crate::commands::fail_under;
use crate::help;

const EXAMPLES: &str = "\
Examples:
  oddish results 9f8e7d6c
  oddish results swift-otter-x1y2 --format markdown >> summary.md
  oddish results 9f8e7d6c --pass-threshold 0.5 --coverage-bar 0.8
  oddish results 9f8e7d6c --fail-under 0.6
  oddish results 9f8e7d6c --json

Trials without a grade are never counted as a reward of 0. Where too few are
graded there is no headline, but the bounds between which it would lie.
docs/statistics.md explains each figure.

Exit status:
  0  shown, with or without a headline
  1  not found, or no answer
  2  the command line makes no sense
  4  a reward is below --fail-under, or there is no headline";

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for a terminal
    #[default]
    Table,
    /// Tables for a page, such as the summary of a workflow
    Markdown,
    /// One line for each figure of an agent and model
    Csv,
    /// The server's answer
    Json,
}

/// Show the results of an experiment for each agent and model
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct ResultsArgs {
    /// Experiment, by id or exact name
    #[arg(value_name = "EXPERIMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: String,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    /// Lowest reward that is a pass [default: 1]
    #[arg(long, value_name = "REWARD", allow_negative_numbers = true)]
    pub(crate) pass_threshold: Option<f64>,

    /// Share of the trials that must be graded for a headline [default: 0.9]
    #[arg(long, value_name = "SHARE")]
    pub(crate) coverage_bar: Option<f64>,

    /// Exit with 4 if the reward of an agent and model is below this, or is not shown
    #[arg(long, value_name = "REWARD", allow_negative_numbers = true, value_parser = fail_under::bar)]
    pub(crate) fail_under: Option<f64>,

    /// URL of the server; wins over the environment
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
}

//! Results of experiments and their comparison on the wire. docs/statistics.md defines each figure.

use oddish_domain::failure::FailureClass;
use serde::{Deserialize, Serialize};

/// An agent with the model that it used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"agent": "codex", "model": "gpt-5.2"}))))]
pub struct AgentAndModel {
    /// The agent.
    pub agent: String,
    /// The model; null where the agent chose, or has none.
    pub model: Option<String>,
}

/// How a 95 % interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Wilson's score interval of a proportion.
    Wilson,
    /// Percentiles of the figure over tasks that were drawn again.
    Bootstrap,
}

/// A 95 % interval, in the unit of its figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"low": 0.52, "high": 0.8, "method": "bootstrap"}))))]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was made.
    pub method: IntervalMethod,
}

/// A mean over tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "value": 0.66, "interval": {"low": 0.52, "high": 0.8, "method": "bootstrap"}, "tasks": 40, "few_tasks": false}))))]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its 95 % interval; null where the tasks do not tell how sure it is.
    pub interval: Option<Interval>,
    /// Number of tasks that it is a mean of.
    pub tasks: u64,
    /// Whether these are so few that the interval is often too narrow.
    pub few_tasks: bool,
}

/// Why trials are not graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UngradedReason {
    /// They wait for an attempt.
    Waiting,
    /// They run.
    Running,
    /// They failed; `error_class` says how.
    Failed,
    /// A user cancelled them.
    Cancelled,
    /// They ran without verification.
    NotVerified,
    /// The verifier left no single reward that can be averaged.
    NoScalarReward,
    /// They have a reward and a failure after which no reward counts.
    Unconfirmed,
}

/// Trials that are not graded for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "reason": "failed", "error_class": "infrastructure", "trials": 2}))))]
pub struct UngradedTrials {
    /// The reason.
    pub reason: UngradedReason,
    /// The class of the failure; null for other reasons.
    pub error_class: Option<FailureClass>,
    /// How many they are.
    pub trials: u64,
}

/// How many trials are graded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "graded": 118, "trials": 120, "share": 0.9833, "ungraded": [{"reason": "failed", "error_class": "infrastructure", "trials": 2}]}))))]
pub struct Coverage {
    /// Graded trials.
    pub graded: u64,
    /// All trials.
    pub trials: u64,
    /// `graded / trials`; null without trials.
    pub share: Option<f64>,
    /// The other trials, by reason.
    pub ungraded: Vec<UngradedTrials>,
}

/// Why there is no headline, and where it would lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "reason": "8 of 10 trials are graded, and a headline needs 90 %", "ungraded_as_zero": 0.4, "ungraded_as_one": 0.6}))))]
pub struct RefusedHeadline {
    /// The reason, for a person.
    pub reason: String,
    /// What the headline would be if each trial without a grade had a reward of 0.
    pub ungraded_as_zero: f64,
    /// The same with a reward of 1.
    pub ungraded_as_one: f64,
}

/// What k trials of a task would show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "k": 2, "pass_at_k": {"value": 0.75, "interval": null, "tasks": 1, "few_tasks": true},
    "pass_all_k": {"value": 0.5, "interval": null, "tasks": 1, "few_tasks": true}}))))]
pub struct PassRate {
    /// How many trials.
    pub k: u64,
    /// pass@k: the chance that at least one of k trials passes.
    pub pass_at_k: Estimate,
    /// pass^k: the chance that all of k trials pass.
    pub pass_all_k: Estimate,
}

/// A sum over attempts of which some may not say their part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"sum": 1.25, "known": 11, "of": 12}))))]
pub struct KnownSum {
    /// Sum over the attempts that say it; null where none does.
    pub sum: Option<f64>,
    /// How many say it.
    pub known: u64,
    /// How many attempts began.
    pub of: u64,
}

/// What all attempts used, those before a retry too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "cost_usd": {"sum": 1.25, "known": 11, "of": 12}, "input_tokens": {"sum": 90000.0, "known": 11, "of": 12},
    "cache_tokens": {"sum": null, "known": 0, "of": 12}, "output_tokens": {"sum": 8000.0, "known": 11, "of": 12},
    "seconds": {"sum": 4100.5, "known": 12, "of": 12}}))))]
pub struct Usage {
    /// Cost in US dollars.
    pub cost_usd: KnownSum,
    /// Tokens read, cached ones included.
    pub input_tokens: KnownSum,
    /// Tokens read from the provider's cache.
    pub cache_tokens: KnownSum,
    /// Tokens written.
    pub output_tokens: KnownSum,
    /// Time from the start of each attempt to its end.
    pub seconds: KnownSum,
}

/// What the trials of one agent and model show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "agent": "codex", "model": "gpt-5.2", "coverage": {"graded": 120, "trials": 120, "share": 1.0, "ungraded": []},
    "graded_tasks": 40, "ungraded_tasks": 0, "headline": {"value": 0.66, "interval": {"low": 0.52, "high": 0.8, "method": "bootstrap"}, "tasks": 40, "few_tasks": false},
    "headline_refused": null, "pass_rates": [], "mixed": null,
    "usage": {"cost_usd": {"sum": 1.25, "known": 120, "of": 120}, "input_tokens": {"sum": 1.25, "known": 120, "of": 120}, "cache_tokens": {"sum": 1.25, "known": 120, "of": 120}, "output_tokens": {"sum": 1.25, "known": 120, "of": 120}, "seconds": {"sum": 1.25, "known": 120, "of": 120}}}))))]
pub struct AgentResults {
    /// The agent.
    pub agent: String,
    /// The model; null where the agent chose, or has none.
    pub model: Option<String>,
    /// How many trials are graded.
    pub coverage: Coverage,
    /// Tasks with a graded trial.
    pub graded_tasks: u64,
    /// Tasks with trials of which none is graded.
    pub ungraded_tasks: u64,
    /// The mean of the task values; null where too few trials are graded.
    pub headline: Option<Estimate>,
    /// Why there is no headline; null where there is one.
    pub headline_refused: Option<RefusedHeadline>,
    /// pass@k and pass^k, by k.
    pub pass_rates: Vec<PassRate>,
    /// Share of the tasks that have both a pass and a trial that does not pass; null without a graded trial.
    pub mixed: Option<Estimate>,
    /// What all attempts used.
    pub usage: Usage,
}

/// `GET /experiments/{experiment_id}/results`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2", "data_version": "5d41402abc4b2a76b9719d911017c592",
    "pass_threshold": 1.0, "coverage_bar": 0.9, "agents": []})))]
pub struct ResultsResponse {
    /// Id of the experiment.
    pub experiment_id: String,
    /// Its name.
    pub experiment_name: String,
    /// Version of its trials. Equal versions mean that no trial was added, changed or deleted between.
    pub data_version: String,
    /// The lowest reward that is a pass.
    pub pass_threshold: f64,
    /// The share of the trials that must be graded for a headline.
    pub coverage_bar: f64,
    /// By agent, then model.
    pub agents: Vec<AgentResults>,
}

/// `GET /experiments/{experiment_id}/results`: by which rules.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct GetResultsQuery {
    /// The lowest reward that is a pass.
    pub pass_threshold: f64,
    /// The share of the trials that must be graded for a headline.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1))]
    pub coverage_bar: f64,
}

impl Default for GetResultsQuery {
    fn default() -> Self {
        Self { pass_threshold: 1.0, coverage_bar: 0.9 }
    }
}

//! Two experiments, compared task by task, on the wire. docs/statistics.md defines each figure.

use serde::{Deserialize, Serialize};

use crate::statistics::{AgentAndModel, Coverage, Estimate};

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "agent": "codex", "model": "gpt-5.2", "coverage": {"graded": 120, "trials": 120, "share": 1.0, "ungraded": []},
    "value": {"value": 0.66, "interval": {"low": 0.52, "high": 0.8, "method": "bootstrap"}, "tasks": 40, "few_tasks": false}, "graded_here_only": 0}))))]
pub struct ComparedSide {
    /// The agent.
    pub agent: String,
    /// The model; null where the agent chose, or has none.
    pub model: Option<String>,
    /// How many of all its trials are graded.
    pub coverage: Coverage,
    /// Mean of its task values over the pairs; null without a pair.
    pub value: Option<Estimate>,
    /// Tasks that are graded on this side only, which are not used.
    pub graded_here_only: u64,
}

/// Passes among graded trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"passes": 2, "graded": 3}))))]
pub struct PassCount {
    /// Trials that pass.
    pub passes: u64,
    /// All graded trials.
    pub graded: u64,
}

/// Which way a task flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlipDirection {
    /// Most trials pass on the left side and not on the right.
    Loss,
    /// Most trials pass on the right side and not on the left.
    Gain,
}

/// A task that most trials pass on one side and not on the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "task": "fix-git", "direction": "loss", "left": {"passes": 3, "graded": 3}, "right": {"passes": 1, "graded": 3}}))))]
pub struct Flip {
    /// Name of the task.
    pub task: String,
    /// Which way.
    pub direction: FlipDirection,
    /// On the left side.
    pub left: PassCount,
    /// On the right side.
    pub right: PassCount,
}

/// The exact two-sided test of `McNemar`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"losses": 9, "gains": 2, "p": 0.0654}))))]
pub struct McNemarTest {
    /// Tasks that pass on the left side only.
    pub losses: u64,
    /// Tasks that pass on the right side only.
    pub gains: u64,
    /// How likely so uneven a split is by chance alone.
    pub p: f64,
}

/// What would halve the interval of the difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"more_tasks": 120, "times_the_trials": null}))))]
pub struct Halving {
    /// So many tasks more.
    pub more_tasks: u64,
    /// Or so many times the trials of each task on both sides; null where no number of trials does.
    pub times_the_trials: Option<f64>,
}

/// Something other than agent and model in which pairs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "aspect": "resources", "task_count": 1, "tasks": ["fix-git"], "left": ["the task's own"], "right": ["cpus=2"]}))))]
pub struct OtherDifference {
    /// `task_content`, `harbor_version`, `time_outs`, `resources` or `environment`.
    pub aspect: String,
    /// In how many tasks.
    pub task_count: u64,
    /// Names of the first of them.
    pub tasks: Vec<String>,
    /// The first values of these tasks on the left side; none where they are unknown.
    pub left: Vec<String>,
    /// The first values of these tasks on the right side; none where they are unknown.
    pub right: Vec<String>,
}

/// An agent and model of one side, compared with one of the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "left": {"agent": "codex", "model": "gpt-5.2", "coverage": {"graded": 120, "trials": 120, "share": 1.0, "ungraded": []}, "value": {"value": 0.66, "interval": {"low": 0.52, "high": 0.8, "method": "bootstrap"}, "tasks": 40, "few_tasks": false}, "graded_here_only": 0},
    "right": {"agent": "codex", "model": "gpt-5.3", "coverage": {"graded": 120, "trials": 120, "share": 1.0, "ungraded": []}, "value": {"value": 0.66, "interval": {"low": 0.52, "high": 0.8, "method": "bootstrap"}, "tasks": 40, "few_tasks": false}, "graded_here_only": 0},
    "pairs": 40, "losses": 3, "gains": 5, "flips": [], "difference": null, "test": null, "smallest_difference": null, "halving": null,
    "differs": []}))))]
pub struct Comparison {
    /// What the right side is compared with.
    pub left: ComparedSide,
    /// The right side. A difference is right minus left.
    pub right: ComparedSide,
    /// Tasks that are graded on both sides. Everything below is about these alone.
    pub pairs: u64,
    /// Flips from pass to no pass.
    pub losses: u64,
    /// Flips from no pass to pass.
    pub gains: u64,
    /// The first 1,000 flips: losses before gains, the largest first.
    pub flips: Vec<Flip>,
    /// Mean difference of task values; null without a pair.
    pub difference: Option<Estimate>,
    /// The test; null where a pair has more than one trial on a side.
    pub test: Option<McNemarTest>,
    /// The smallest true difference that would have been shown four times of five; null where the differences do not vary.
    pub smallest_difference: Option<f64>,
    /// What would halve the interval; null where the difference has none.
    pub halving: Option<Halving>,
    /// What else differs.
    pub differs: Vec<OtherDifference>,
}

/// An experiment that is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2", "data_version": "5d41402abc4b2a76b9719d911017c592",
    "unpaired": []}))))]
pub struct ComparedExperiment {
    /// Its id.
    pub experiment_id: String,
    /// Its name.
    pub experiment_name: String,
    /// Version of its trials. Equal versions mean that no trial was added, changed or deleted between.
    pub data_version: String,
    /// Agents and models that have no partner on the other side.
    pub unpaired: Vec<AgentAndModel>,
}

/// `GET /experiments/{experiment_id}/compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "left": {"experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2", "data_version": "5d41402abc4b2a76b9719d911017c592",
        "unpaired": []},
    "right": {"experiment_id": "0a1b2c3d", "experiment_name": "calm-delta-z9", "data_version": "7d793037a0760186574b0282f2f435e7",
        "unpaired": []},
    "pass_threshold": 1.0, "comparisons": []})))]
pub struct CompareResponse {
    /// What the right experiment is compared with.
    pub left: ComparedExperiment,
    /// The right experiment.
    pub right: ComparedExperiment,
    /// The lowest reward that is a pass.
    pub pass_threshold: f64,
    /// One for each pair of agents and models.
    pub comparisons: Vec<Comparison>,
}

/// `GET /experiments/{experiment_id}/compare`: with what.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct CompareQuery {
    /// Id of the other experiment, the right side. May be the same.
    pub with: String,
    /// Only this agent.
    #[serde(default)]
    pub agent: Option<String>,
    /// Only this model, as it was given.
    #[serde(default)]
    pub model: Option<String>,
    /// The agent of the right side, where it is not that of the left.
    #[serde(default)]
    pub with_agent: Option<String>,
    /// The model of the right side, where it is not that of the left.
    #[serde(default)]
    pub with_model: Option<String>,
    /// The lowest reward that is a pass; 1 unless it is set.
    #[serde(default)]
    pub pass_threshold: Option<f64>,
}

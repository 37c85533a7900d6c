//! `GET /dashboard` and `GET /tasks/browse` (docs/compatibility.md, 1.7).

use std::collections::BTreeMap;

use oddish_domain::status::TrialStatus;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ExperimentResponse, TaskStatusResponse};

/// Trials of one queue key by where they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"pending": 0, "queued": 4, "running": 2, "success": 10, "failed": 1, "retrying": 0,
    "recommended_concurrency": 8})))]
pub struct QueueStatistics {
    /// Always 0; kept for older clients.
    pub pending: i64,
    /// They wait for a slot, or were just given one.
    pub queued: i64,
    /// They run.
    pub running: i64,
    /// They succeeded.
    pub success: i64,
    /// They failed.
    pub failed: i64,
    /// They wait for the time of their next try.
    pub retrying: i64,
    /// The key's limit.
    pub recommended_concurrency: i32,
}

/// How much there is in each stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"trials": {"queued": 4}, "analyses": {}, "verdicts": {}})))]
pub struct Pipeline {
    /// Status to number of trials.
    pub trials: BTreeMap<String, i64>,
    /// Status to number of analyses.
    pub analyses: BTreeMap<String, i64>,
    /// Status to number of verdicts.
    pub verdicts: BTreeMap<String, i64>,
}

/// Usage of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"model": "claude-sonnet-4-5", "provider": "claude", "trial_count": 17,
    "input_tokens": 120_034, "cache_tokens": 100_200, "output_tokens": 4021, "cost_usd": 1.2345, "running": 2, "retrying": 0,
    "queued": 4, "succeeded": 10, "failed": 1, "avg_duration_s": 312.4})))]
pub struct ModelUsageResponse {
    /// The model in its most used spelling; `default` for agents without one, `unknown` where none was named.
    pub model: String,
    /// Provider bucket.
    pub provider: String,
    /// Trials.
    pub trial_count: i64,
    /// Tokens read, cached ones included.
    pub input_tokens: i64,
    /// Tokens read from the provider's cache.
    pub cache_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Cost in US dollars, as reported by the agents.
    pub cost_usd: f64,
    /// Trials that run.
    pub running: i64,
    /// Trials that wait for their next attempt.
    pub retrying: i64,
    /// Trials that wait for a slot.
    pub queued: i64,
    /// Trials that succeeded.
    pub succeeded: i64,
    /// Trials that failed.
    pub failed: i64,
    /// How long a trial took on average, in seconds.
    pub avg_duration_s: Option<f64>,
}

/// `GET /dashboard`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"queues": {}, "pipeline": {"trials": {}, "analyses": {}, "verdicts": {}},
    "model_usage": [], "tasks": [], "tasks_limit": 200, "tasks_offset": 0, "has_more": false, "experiments": [],
    "experiments_limit": 25, "experiments_offset": 0, "experiments_has_more": false, "cached": false})))]
pub struct DashboardResponse {
    /// Waiting and running jobs by queue key; empty when only usage was requested.
    pub queues: BTreeMap<String, QueueStatistics>,
    /// Counts of each stage; empty when only usage was requested.
    pub pipeline: Pipeline,
    /// Usage of each model, the most used first.
    pub model_usage: Vec<ModelUsageResponse>,
    /// Tasks without their trials, newest first.
    pub tasks: Vec<TaskStatusResponse>,
    /// Most tasks of a page.
    pub tasks_limit: i64,
    /// Tasks that were skipped.
    pub tasks_offset: i64,
    /// Whether there are more tasks.
    pub has_more: bool,
    /// Experiments, the last active first.
    pub experiments: Vec<ExperimentResponse>,
    /// Most experiments of a page.
    pub experiments_limit: i64,
    /// Experiments that were skipped.
    pub experiments_offset: i64,
    /// Whether there are more experiments.
    pub experiments_has_more: bool,
    /// Always false: every answer is read from the database.
    pub cached: bool,
}

/// A trial in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"id": "my-task-1a2b3c4d-0", "name": "my-task-0", "status": "success", "reward": 1.0,
    "error_message": null})))]
pub struct LatestTrial {
    /// Id.
    pub id: String,
    /// `{task name}-{index}`.
    pub name: String,
    /// Its status.
    pub status: TrialStatus,
    /// Its reward.
    pub reward: Option<f64>,
    /// Reason for a missing reward.
    pub error_message: Option<String>,
}

/// An experiment's id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"id": "9f8e7d6c", "name": "swift-otter-x1y2"})))]
pub struct ExperimentName {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A task by its name, with the counts of its current version's trials.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"id": "my-task-1a2b3c4d", "name": "my-task", "current_version": 2,
    "current_version_id": "my-task-1a2b3c4d-v2", "version_count": 2, "total_trials": 6, "completed_trials": 5, "failed_trials": 1,
    "reward_success": 3, "reward_total": 5, "reward_sum": 3.5, "reward_unconfirmed": 0, "last_run_at": "2026-04-09T10:07:02Z", "latest_trials": [],
    "experiments": [{"id": "9f8e7d6c", "name": "swift-otter-x1y2"}]})))]
pub struct BrowsedTaskResponse {
    /// The task of this name that has the highest version.
    pub id: String,
    /// The name.
    pub name: String,
    /// Its newest version.
    pub current_version: Option<i32>,
    /// `{id}-v{current_version}`.
    pub current_version_id: Option<String>,
    /// How many versions it has.
    pub version_count: i64,
    /// Trials of that version.
    pub total_trials: i64,
    /// Those with status `success`.
    pub completed_trials: i64,
    /// Those with status `failed`.
    pub failed_trials: i64,
    /// Those with a reward of exactly 1.
    pub reward_success: i64,
    /// Those with a reward.
    pub reward_total: i64,
    /// Sum of the rewards.
    pub reward_sum: f64,
    /// Those that failed with a reward that does not count; the three before leave it out.
    #[serde(default)]
    pub reward_unconfirmed: i64,
    /// When one of them was last created or ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_run_at: Option<OffsetDateTime>,
    /// The newest 100 of them.
    pub latest_trials: Vec<LatestTrial>,
    /// The newest 100 experiments of all its trials.
    pub experiments: Vec<ExperimentName>,
}

/// `GET /tasks/browse`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"items": [], "limit": 25, "offset": 0, "has_more": false})))]
pub struct BrowseTasksResponse {
    /// The tasks of this page, the last run first.
    pub items: Vec<BrowsedTaskResponse>,
    /// Most tasks of a page.
    pub limit: i64,
    /// Tasks that were skipped.
    pub offset: i64,
    /// Whether there are more.
    pub has_more: bool,
}

/// `GET /dashboard`: how much of it.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct GetDashboardQuery {
    /// Tasks at the most.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 500))]
    pub tasks_limit: i64,
    /// Tasks to skip.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1_000_000))]
    pub tasks_offset: i64,
    /// Experiments at the most.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 100))]
    pub experiments_limit: i64,
    /// Experiments to skip.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1_000_000))]
    pub experiments_offset: i64,
    /// Only experiments with this in their name or in a submitter's, whatever the case, or of this id.
    pub experiments_query: Option<String>,
    /// Only experiments in this state: `active`, `needs-review`, `pending-verdict`, `failed` or `completed`; `all` and anything else
    /// mean every one.
    pub experiments_status: Option<String>,
    /// Count the use of models by trials of the last so many minutes only.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 86400))]
    pub usage_minutes: Option<i64>,
    /// Whether to list tasks.
    pub include_tasks: bool,
    /// Whether to tell what models used.
    pub include_usage: bool,
    /// Whether to list experiments.
    pub include_experiments: bool,
}

impl Default for GetDashboardQuery {
    fn default() -> Self {
        Self {
            tasks_limit: 200,
            tasks_offset: 0,
            experiments_limit: 25,
            experiments_offset: 0,
            experiments_query: None,
            experiments_status: None,
            usage_minutes: None,
            include_tasks: true,
            include_usage: true,
            include_experiments: true,
        }
    }
}

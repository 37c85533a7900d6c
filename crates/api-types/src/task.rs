//! Tasks on the wire (docs/compatibility.md, 1.3).

use std::collections::BTreeMap;

use oddish_domain::failure::FailureClass;
use oddish_domain::status::{Priority, TaskStatus, TrialStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::TrialResponse;

/// A task, its progress and (when asked for) its trials.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "id": "my-task-1a2b3c4d", "name": "my-task", "status": "running", "priority": "low", "user": "alice",
    "github_username": null, "github_meta": null, "task_path": "s3://tasks/my-task-1a2b3c4d/v1/",
    "experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2", "experiment_is_public": false,
    "current_version": 1, "current_version_id": "my-task-1a2b3c4d-v1", "total": 3, "completed": 1, "failed": 0,
    "progress": "1/3 completed", "reward_success": 1, "reward_total": 1, "reward_sum": 1.0, "reward_unconfirmed": 0, "run_analysis": false,
    "verdict_status": null, "verdict": null, "verdict_error": null, "trials": null,
    "created_at": "2026-04-09T09:58:00Z", "started_at": "2026-04-09T09:59:10Z", "finished_at": null
}))))]
pub struct TaskStatusResponse {
    /// Id of the task.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its stage, also while it is judged.
    pub status: TaskStatus,
    /// Its priority.
    pub priority: Priority,
    /// Its submitter.
    pub user: String,
    /// GitHub user on whose behalf it runs.
    pub github_username: Option<String>,
    /// The client's labels of its pull request.
    pub github_meta: Option<BTreeMap<String, String>>,
    /// The task's place in the store.
    pub task_path: String,
    /// The experiment that it belongs to; null before its first trials.
    pub experiment_id: Option<String>,
    /// Its name.
    pub experiment_name: Option<String>,
    /// Whether the experiment is shared.
    #[serde(default)]
    pub experiment_is_public: bool,
    /// Newest version of the task.
    pub current_version: Option<i32>,
    /// `{id}-v{current_version}`.
    pub current_version_id: Option<String>,
    /// Trials in all.
    pub total: i64,
    /// Trials with status `success`.
    pub completed: i64,
    /// Trials with status `failed`.
    pub failed: i64,
    /// `{completed}/{total} completed`.
    pub progress: String,
    /// Trials with a reward of exactly 1; null while no trial has a reward.
    pub reward_success: Option<i64>,
    /// Trials with a reward; null while there is none.
    pub reward_total: Option<i64>,
    /// Sum of the rewards; null while there is none.
    pub reward_sum: Option<f64>,
    /// Trials that failed with a reward that does not count (`unconfirmed_reward`); the three before leave it out.
    #[serde(default)]
    pub reward_unconfirmed: i64,
    /// Whether trials are analysed and the task judged.
    pub run_analysis: bool,
    /// State of the verdict.
    pub verdict_status: Option<TrialStatus>,
    /// The verdict.
    pub verdict: Option<Value>,
    /// Reason for a missing verdict.
    pub verdict_error: Option<String>,
    /// The trials by index; null when they were not asked for.
    pub trials: Option<Vec<TrialResponse>>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its first trial began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// `GET /tasks/{task_id}`: how much of the task.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct GetTaskQuery {
    /// Whether the task comes with its trials.
    pub include_trials: bool,
    /// Which version's trials to show and count: a number, or `all`. The newest that has any, when it is left out.
    #[cfg_attr(feature = "openapi", param(pattern = "^(all|[1-9][0-9]{0,8})$", example = "all"))]
    pub version: Option<String>,
}

impl Default for GetTaskQuery {
    fn default() -> Self {
        Self { include_trials: true, version: None }
    }
}

/// `GET /tasks`: which tasks, and how much of them.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct ListTasksQuery {
    /// Only tasks in this stage.
    pub status: Option<TaskStatus>,
    /// Only tasks whose id begins so.
    pub id_prefix: Option<String>,
    /// Only tasks of exactly this name.
    pub name: Option<String>,
    /// Only tasks that this user submitted.
    pub user: Option<String>,
    /// Only tasks of this experiment, by id or name, and of their trials those that it ran: all of them, of whatever version, and no others.
    pub experiment_id: Option<String>,
    /// Only tasks with a trial of this agent.
    pub agent: Option<String>,
    /// Only tasks with a trial of this model, in any spelling.
    pub model: Option<String>,
    /// Only tasks with a trial that ended with an error of this class.
    pub error_class: Option<FailureClass>,
    /// Whether each task comes with its trials: those of the newest version that has any, or those that `experiment_id` ran.
    pub include_trials: bool,
    /// Whether trials come without their tokens, cost and the long parts of their analyses.
    pub compact_trials: bool,
    /// `-created_at`, the newest first, or `created_at`.
    #[cfg_attr(feature = "openapi", param(example = "-created_at", pattern = "^-?created_at$"))]
    pub sort: Option<String>,
    /// Tasks at the most.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: i64,
    /// Tasks to skip.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1_000_000))]
    pub offset: Option<i64>,
    /// Where to go on: the `x-next-cursor` of the page before.
    pub cursor: Option<String>,
    /// Whether to count all tasks that fit, into `x-total-count`.
    pub total: bool,
}

impl Default for ListTasksQuery {
    fn default() -> Self {
        Self {
            status: None,
            id_prefix: None,
            name: None,
            user: None,
            experiment_id: None,
            agent: None,
            model: None,
            error_class: None,
            include_trials: true,
            compact_trials: false,
            sort: None,
            limit: 100,
            offset: None,
            cursor: None,
            total: false,
        }
    }
}

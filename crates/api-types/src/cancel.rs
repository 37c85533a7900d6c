//! Cancelling trials.

use serde::{Deserialize, Serialize};

/// `POST /tasks/cancel`: the tasks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"task_ids": ["my-task-1a2b3c4d"]}))))]
pub struct CancelTasksRequest {
    /// Ids of the tasks, from 1 to 1000.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub task_ids: Vec<String>,
}

/// The trials of a cancellation, by its effect on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "cancelled": ["my-task-1a2b3c4d-1"], "stopping": ["my-task-1a2b3c4d-0"], "already_stopping": [], "already_ended": []
}))))]
pub struct CancelledTrials {
    /// Trials that were waiting and ended at once.
    #[serde(default)]
    pub cancelled: Vec<String>,
    /// Running trials, which stop within seconds.
    #[serde(default)]
    pub stopping: Vec<String>,
    /// Trials that were cancelled before and have not stopped yet.
    #[serde(default)]
    pub already_stopping: Vec<String>,
    /// Trials that had ended before.
    #[serde(default)]
    pub already_ended: Vec<String>,
}

/// `POST /tasks/cancel`: the result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "cancelled", "task_ids": ["my-task-1a2b3c4d"], "not_found_task_ids": [], "tasks_found": 1,
    "tasks_cancelled": 1, "trials_cancelled": 2, "modal_calls_cancelled": 0, "cancelled": ["my-task-1a2b3c4d-1"],
    "stopping": ["my-task-1a2b3c4d-0"], "already_stopping": [], "already_ended": []
}))))]
pub struct CancelTasksResponse {
    /// Always `cancelled`.
    pub status: String,
    /// The tasks that were found, in the order of the request.
    pub task_ids: Vec<String>,
    /// The tasks that do not exist.
    pub not_found_task_ids: Vec<String>,
    /// How many were found.
    pub tasks_found: u32,
    /// How many of them had not ended, and had not been cancelled before.
    pub tasks_cancelled: u32,
    /// How many trials were cancelled by this request: those that ended at once and those that are stopping.
    pub trials_cancelled: u32,
    /// Always 0: nothing runs on Modal.
    pub modal_calls_cancelled: u32,
    /// The tasks' trials, cancelled or not.
    #[serde(flatten)]
    pub trials: CancelledTrials,
}

/// `POST /trials/{trial_id}/cancel` and `POST /experiments/{experiment_id}/cancel`: the result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "cancelled", "cancelled": [], "stopping": ["my-task-1a2b3c4d-0"], "already_stopping": [],
    "already_ended": []
}))))]
pub struct CancelResponse {
    /// Always `cancelled`.
    pub status: String,
    /// The trials by the effect on them.
    #[serde(flatten)]
    pub trials: CancelledTrials,
}

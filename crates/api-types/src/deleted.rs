//! Answers to deletions (docs/compatibility.md, 1.10).

use serde::{Deserialize, Serialize};

/// `DELETE /tasks/{task_id}`: what was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "success", "deleted": {"task_id": "my-task-1a2b3c4d"}
}))))]
pub struct DeleteTaskResponse {
    /// Always `success`.
    pub status: String,
    /// The deleted object.
    pub deleted: DeletedTask,
}

/// A deleted task, with its versions and its trials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"task_id": "my-task-1a2b3c4d"}))))]
pub struct DeletedTask {
    /// The task.
    pub task_id: String,
}

/// `DELETE /trials/{trial_id}`: what was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "success", "deleted": {"trial_id": "my-task-1a2b3c4d-0", "task_id": "my-task-1a2b3c4d"}
}))))]
pub struct DeleteTrialResponse {
    /// Always `success`.
    pub status: String,
    /// The deleted object.
    pub deleted: DeletedTrial,
}

/// A deleted trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "trial_id": "my-task-1a2b3c4d-0", "task_id": "my-task-1a2b3c4d"
}))))]
pub struct DeletedTrial {
    /// The trial.
    pub trial_id: String,
    /// Its task, which stays.
    pub task_id: String,
}

/// `DELETE /experiments/{experiment_id}`: what was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "success", "message": "Experiment deleted", "deleted": {"trials": 6, "tasks": 2, "experiments": 1}
}))))]
pub struct DeleteExperimentResponse {
    /// Always `success`.
    pub status: String,
    /// The same for a person.
    pub message: String,
    /// The deleted object.
    pub deleted: DeletedExperiment,
}

/// Counts of what was deleted with an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"trials": 6, "tasks": 2, "experiments": 1}))))]
pub struct DeletedExperiment {
    /// Its trials, of all tasks.
    pub trials: u64,
    /// Its tasks that have no trial left.
    pub tasks: u64,
    /// Always 1.
    pub experiments: u64,
}

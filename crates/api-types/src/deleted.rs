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
    /// What is gone.
    pub deleted: DeletedTask,
}

/// A task that is gone, with its versions and its trials.
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
    /// What is gone.
    pub deleted: DeletedTrial,
}

/// A trial that is gone.
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
    /// Says so to a person.
    pub message: String,
    /// What is gone.
    pub deleted: DeletedExperiment,
}

/// How much is gone with an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"trials": 6, "tasks": 2, "experiments": 1}))))]
pub struct DeletedExperiment {
    /// Its trials, whichever tasks they were of.
    pub trials: u64,
    /// Its tasks of which no trial is left.
    pub tasks: u64,
    /// Always 1.
    pub experiments: u64,
}

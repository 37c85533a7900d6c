//! Running trials again.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::TrialStatus;
use serde::{Deserialize, Serialize};

/// `POST /trials/{trial_id}/retry`: the result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "queued", "trial_id": "my-task-1a2b3c4d-0"
}))))]
pub struct RetryTrialResponse {
    /// Always `queued`.
    pub status: String,
    /// The trial.
    pub trial_id: String,
}

/// `POST /experiments/{experiment_id}/retry`: a filter on its trials. At least one list must not be empty; a trial must match
/// both.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "statuses": ["failed"], "dry_run": true
}))))]
pub struct RetryExperimentRequest {
    /// Trials in these statuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<TrialStatus>,
    /// Trials whose error is of these classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error_classes: Vec<FailureClass>,
    /// Only report the trials that would be queued.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// `POST /experiments/{experiment_id}/retry`: the result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "queued", "experiment_id": "9f8e7d6c", "queued": ["my-task-1a2b3c4d-0"], "still_active": []
}))))]
pub struct RetryExperimentResponse {
    /// `queued`, or `dry_run` when nothing was done.
    pub status: String,
    /// The experiment.
    pub experiment_id: String,
    /// The trials that had ended and are queued again.
    pub queued: Vec<String>,
    /// The trials that have not ended and are not changed.
    pub still_active: Vec<String>,
}

/// `POST /tasks/{task_id}/analysis/retry`: the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "queued", "task_id": "my-task-1a2b3c4d", "trial_count": 6
}))))]
pub struct RetryTaskAnalysisResponse {
    /// Always `queued`.
    pub status: String,
    /// The task.
    pub task_id: String,
    /// How many trials are analysed.
    pub trial_count: u64,
}

/// `POST /tasks/{task_id}/verdict/retry`: the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"status": "queued", "task_id": "my-task-1a2b3c4d"}))))]
pub struct RetryVerdictResponse {
    /// Always `queued`.
    pub status: String,
    /// The task.
    pub task_id: String,
}

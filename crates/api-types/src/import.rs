//! Importing trials that ran elsewhere (docs/compatibility.md, 1.13): `POST /trials/import/init` and `/trials/import/complete`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{PhaseTiming, whole};

/// Announces a trial that ran elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "task_id": "hello-1a2b3c4d", "experiment_id": "laptop-runs", "upload_artifacts": true,
    "trial": {
        "agent": "claude-code", "model": "claude-sonnet-4-5", "status": "success", "reward": 1.0, "has_trajectory": true,
        "started_at": "2026-04-09T09:59:10Z", "finished_at": "2026-04-09T10:07:02Z",
        "external_trial_id": "710b738c-a52b-42cd-91a7-537b8d60a9b2"
    }
})))]
pub struct InitImportRequest {
    /// The task that it ran on; it must have been uploaded.
    pub task_id: String,
    /// Id or name of the experiment. Without one: the task's, or a new one if the task has none.
    #[serde(default)]
    pub experiment_id: Option<String>,
    /// The trial.
    pub trial: ImportedTrial,
    /// Whether its files will follow.
    #[serde(default = "yes")]
    pub upload_artifacts: bool,
}

/// End of an imported trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportedStatus {
    /// It ran to its end.
    Success,
    /// It ended with an error.
    Failed,
}

/// An imported trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "agent": "claude-code", "model": "claude-sonnet-4-5", "status": "success", "reward": 1.0, "harbor_stage": "completed",
    "input_tokens": 120_034, "cache_tokens": 100_200, "output_tokens": 4021, "cost_usd": 0.41, "has_trajectory": true,
    "started_at": "2026-04-09T09:59:10Z", "finished_at": "2026-04-09T10:07:02Z",
    "external_trial_id": "710b738c-a52b-42cd-91a7-537b8d60a9b2"
})))]
pub struct ImportedTrial {
    /// The agent: 1 to 255 characters on one line, or to 200 where some are not ASCII.
    pub agent: String,
    /// The model in any spelling: 1 to 255 characters on one line, or to 200 where some are not ASCII.
    #[serde(default)]
    pub model: Option<String>,
    /// The type of its sandbox; `docker` when absent.
    #[serde(default)]
    pub environment: Option<String>,
    /// Its end.
    pub status: ImportedStatus,
    /// The reward.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -1e9, maximum = 1e9))]
    pub reward: Option<f64>,
    /// Its error, of at most 65 536 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 65_536))]
    pub error_message: Option<String>,
    /// Harbor's last stage.
    #[serde(default = "completed")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub harbor_stage: String,
    /// Tokens read, cached ones included.
    #[serde(default, deserialize_with = "whole::option")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1e12))]
    pub input_tokens: Option<i64>,
    /// Tokens read from the provider's cache.
    #[serde(default, deserialize_with = "whole::option")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1e12))]
    pub cache_tokens: Option<i64>,
    /// Tokens written.
    #[serde(default, deserialize_with = "whole::option")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1e12))]
    pub output_tokens: Option<i64>,
    /// Cost in US dollars.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1e9))]
    pub cost_usd: Option<f64>,
    /// How long each phase took; at most 32 phases.
    #[serde(default)]
    pub phase_timing: Option<BTreeMap<String, PhaseTiming>>,
    /// Whether the agent left a trajectory.
    #[serde(default)]
    pub has_trajectory: bool,
    /// When it began.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended; now when absent.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Its id where it ran, of 1 to 255 characters, unique within a task. A second announcement means the same trial while its files are
    /// awaited, and is a conflict after that.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub external_trial_id: Option<String>,
}

fn yes() -> bool {
    true
}

fn completed() -> String {
    "completed".to_owned()
}

/// The imported trial, and the upload's address for its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "trial_id": "hello-1a2b3c4d-3", "task_id": "hello-1a2b3c4d", "experiment_id": "9f8e7d6c", "experiment_name": "laptop-runs",
    "trial_s3_key": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-3/attempt-0/",
    "archive_s3_key": "staging/0123456789abcdef0123456789abcdef/.oddish-trial-import.tar.gz",
    "upload_url": "https://storage.example/staging/...?signature=...", "upload_method": "PUT",
    "upload_headers": {"Content-Type": "application/gzip"}, "requires_completion": true
})))]
pub struct InitImportResponse {
    /// The trial.
    pub trial_id: String,
    /// Its task.
    pub task_id: String,
    /// Its experiment.
    pub experiment_id: String,
    /// Name of the experiment.
    pub experiment_name: String,
    /// Prefix that its files will have.
    pub trial_s3_key: String,
    /// Key of the archive until the import completes; null when no files follow.
    pub archive_s3_key: Option<String>,
    /// URL for the archive (a gzipped tar of the folder's contents). It works for an hour.
    pub upload_url: Option<String>,
    /// HTTP method for it.
    pub upload_method: Option<String>,
    /// Headers to send with it.
    pub upload_headers: BTreeMap<String, String>,
    /// Whether `/trials/import/complete` has to be called after it.
    pub requires_completion: bool,
}

/// Completes an import whose archive was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"trial_id": "hello-1a2b3c4d-3"})))]
pub struct CompleteImportRequest {
    /// The trial, as announced.
    pub trial_id: String,
}

/// The files of a completed import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "trial_id": "hello-1a2b3c4d-3", "trial_s3_key": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-3/attempt-0/", "files_extracted": 14
})))]
pub struct CompleteImportResponse {
    /// The trial.
    pub trial_id: String,
    /// Prefix of its files.
    pub trial_s3_key: String,
    /// Number of files.
    pub files_extracted: u64,
}

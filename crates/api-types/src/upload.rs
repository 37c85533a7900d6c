//! `POST /tasks/upload`.

use serde::{Deserialize, Serialize};

/// A stored task version, ready for a sweep.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadResponse {
    /// Id to name in a sweep.
    pub task_id: String,
    /// Name of the task, as the client gave it.
    pub name: String,
    /// Always null: the path of a stored task is the store's own matter.
    pub task_path: Option<String>,
    /// Prefix of the task in the store, with a `/` at its end.
    pub s3_key: Option<String>,
    /// Number of the version that was stored, from 1.
    pub version: Option<i32>,
    /// `{task_id}-v{version}`.
    pub version_id: Option<String>,
    /// Whether the task was known before.
    #[serde(default)]
    pub existing_task: bool,
    /// Whether the newest version already had this content, so that nothing was stored.
    #[serde(default)]
    pub content_unchanged: bool,
    /// SHA-256 over the task's files, in lower-case hex (contract 2.4).
    pub content_hash: Option<String>,
    /// What the check of the task found worth knowing, without being a fault.
    #[serde(default)]
    pub warnings: Vec<String>,
}

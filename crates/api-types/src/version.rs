//! Versions of tasks (docs/compatibility.md, 1.5).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One version of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "id": "my-task-1a2b3c4d-v2", "task_id": "my-task-1a2b3c4d", "version": 2, "task_path": "s3://tasks/my-task-1a2b3c4d/v2/",
    "task_s3_key": "tasks/my-task-1a2b3c4d/v2/",
    "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "message": "tests wait longer",
    "created_by_user_id": null, "created_at": "2026-04-09T09:58:00Z"
}))))]
pub struct TaskVersionResponse {
    /// `{task_id}-v{version}`.
    pub id: String,
    /// The task.
    pub task_id: String,
    /// Its number, from 1.
    pub version: i32,
    /// Its place in the store.
    pub task_path: String,
    /// Prefix under which it is stored.
    pub task_s3_key: Option<String>,
    /// Content hash: SHA-256 over the paths and bytes of its files, in lower-case hex.
    pub content_hash: Option<String>,
    /// The uploader's message.
    pub message: Option<String>,
    /// Always null: there are no user accounts.
    pub created_by_user_id: Option<String>,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

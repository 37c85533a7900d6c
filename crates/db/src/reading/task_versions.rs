//! Uploaded tasks and their versions.

use time::OffsetDateTime;

use crate::error::Doing;
use crate::{Db, DbError};

/// A version of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskVersion {
    /// The task.
    pub task_id: String,
    /// Its number, from 1.
    pub version: i32,
    /// Where its archive lies.
    pub archive_key: String,
    /// SHA-256 over its files, lower-case hex (docs/compatibility.md, 2.4).
    pub content_hash: String,
    /// What the uploader says of it.
    pub message: Option<String>,
    /// When it was registered.
    pub created_at: OffsetDateTime,
}

/// The versions of a task, newest first: all of them, or one.
pub async fn list(db: &Db, task_id: &str, version: Option<i32>) -> Result<Vec<TaskVersion>, DbError> {
    sqlx::query_as!(
        TaskVersion,
        "select task_id, version, archive_key, content_hash, message, created_at from oddish.task_versions
        where task_id = $1 and ($2::int is null or version = $2) order by version desc",
        task_id,
        version
    )
    .fetch_all(db)
    .await
    .doing("list the versions of a task")
}

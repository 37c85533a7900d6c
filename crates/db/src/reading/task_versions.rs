//! Uploaded tasks and their versions.

use time::OffsetDateTime;

use crate::error::Doing;
use crate::task_files::FileIndex;
use crate::{Db, DbError, task_files};

/// A task version to register.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTask<'a> {
    /// Id of the task.
    pub task_id: &'a str,
    /// Its name, whole.
    pub name: &'a str,
    /// Where the archive lies.
    pub archive_key: &'a str,
    /// SHA-256 of the archive, lower-case hex.
    pub archive_sha256: &'a str,
    /// Size of the archive.
    pub archive_bytes: i64,
    /// SHA-256 over the task's files (docs/compatibility.md, 2.4).
    pub content_hash: &'a str,
    /// Its files.
    pub files: FileIndex<'a>,
}

/// Registers a new task with its first version. `false` when the id is taken.
pub async fn create_task(db: &Db, task: &NewTask<'_>, now: OffsetDateTime) -> Result<bool, DbError> {
    let doing = "register a task";
    let mut tx = db.begin().await.doing(doing)?;
    let created = sqlx::query!(
        "with created as (
            insert into oddish.tasks (id, name, created_at, updated_at) values ($1, $2, $7, $7)
            on conflict (id) do nothing returning id)
        insert into oddish.task_versions
            (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select id, 1, $3, $4, $5, $6, $7 from created",
        task.task_id,
        task.name,
        task.archive_key,
        task.archive_sha256,
        task.archive_bytes,
        task.content_hash,
        now
    )
    .execute(&mut tx)
    .await
    .doing(doing)?;
    if created.rows_affected() == 0 {
        return Ok(false);
    }
    task_files::insert(&mut tx, task.task_id, 1, task.files).await?;
    tx.commit().await.doing(doing)?;
    Ok(true)
}

/// Takes back a task that was registered and never submitted.
pub async fn discard_unsubmitted(db: &Db, task_id: &str) -> Result<(), DbError> {
    sqlx::query!("delete from oddish.tasks where id = $1 and experiment_id is null", task_id)
        .execute(db)
        .await
        .done("discard a task")
}

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

//! The index of a task version's files: each file's place in the one object that holds them all.

use time::OffsetDateTime;

use crate::error::Doing;
use crate::{Db, DbError, Tx};

/// The files of a version, to be registered with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FileIndex<'a> {
    /// The object that holds them, one after the other.
    pub key: &'a str,
    /// What is where in it.
    pub files: &'a [IndexedFile],
}

/// Where a file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    /// Path in the task's folder.
    pub path: String,
    /// Its first byte in the object.
    pub start: i64,
    /// Its bytes.
    pub size: i64,
}

/// A version, as far as its files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFiles {
    /// Its number.
    pub version: i32,
    /// Where the archive of all files is stored.
    pub archive_key: String,
    /// The object that holds the files one after the other. A version from before there were such objects has none, and no index.
    pub files_key: Option<String>,
    /// When it was registered.
    pub created_at: OffsetDateTime,
}

/// What there is of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The version.
    Version(VersionFiles),
    /// The task has no such version.
    NoVersion,
    /// There is no such task.
    NoTask,
}

/// Looks for a version of a task, the newest where no number is given.
pub async fn find_version(db: &Db, task_id: &str, version: Option<i32>) -> Result<Found, DbError> {
    let row = sqlx::query!(
        r#"select v.version as "version?", v.archive_key as "archive_key?", v.files_key, v.created_at as "created_at?"
        from oddish.tasks k
        left join lateral (
            select * from oddish.task_versions where task_id = k.id and ($2::int is null or version = $2)
            order by version desc limit 1) v on true
        where k.id = $1"#,
        task_id,
        version
    )
    .fetch_optional(db)
    .await
    .doing("look for a version of a task")?;
    let Some(row) = row else { return Ok(Found::NoTask) };
    Ok(match (row.version, row.archive_key, row.created_at) {
        (Some(version), Some(archive_key), Some(created_at)) => {
            Found::Version(VersionFiles { version, archive_key, files_key: row.files_key, created_at })
        }
        _ => Found::NoVersion,
    })
}

/// Whose eyes files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A reader of everything.
    Members,
    /// A reader with the token of a shared experiment, who sees neither the solution of the task, or of a step of it, nor its tests.
    Guests,
}

/// At most `limit` files of a version whose path begins with `prefix` and comes after `after`, in byte order of the path.
pub async fn list(
    db: &Db,
    (task_id, version): (&str, i32),
    audience: Audience,
    prefix: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<IndexedFile>, DbError> {
    sqlx::query_as!(
        IndexedFile,
        "select path, start, size from oddish.task_files
        where task_id = $1 and version = $2 and starts_with(path, $3) and path > $4
            and ($6 or path !~ '^(steps/[^/]+/)?(solution|tests)/')
        order by path limit $5",
        task_id,
        version,
        prefix,
        after,
        limit,
        audience == Audience::Members
    )
    .fetch_all(db)
    .await
    .doing("list the files of a task")
}

/// Where one file lies.
pub async fn get(
    db: &Db,
    (task_id, version): (&str, i32),
    audience: Audience,
    path: &str,
) -> Result<Option<IndexedFile>, DbError> {
    sqlx::query_as!(
        IndexedFile,
        "select path, start, size from oddish.task_files
        where task_id = $1 and version = $2 and path = $3 and ($4 or path !~ '^(steps/[^/]+/)?(solution|tests)/')",
        task_id,
        version,
        path,
        audience == Audience::Members
    )
    .fetch_optional(db)
    .await
    .doing("look for a file of a task")
}

/// Registers the files of a version that was registered in the same transaction.
pub(crate) async fn insert(tx: &mut Tx, task_id: &str, version: i32, index: FileIndex<'_>) -> Result<(), DbError> {
    let paths: Vec<&str> = index.files.iter().map(|file| file.path.as_str()).collect();
    let starts: Vec<i64> = index.files.iter().map(|file| file.start).collect();
    let sizes: Vec<i64> = index.files.iter().map(|file| file.size).collect();
    sqlx::query!(
        "with of_version as (update oddish.task_versions set files_key = $3 where task_id = $1 and version = $2)
        insert into oddish.task_files (task_id, version, path, start, size)
        select $1, $2, path, start, size from unnest($4::text[], $5::bigint[], $6::bigint[]) as f (path, start, size)",
        task_id,
        version,
        index.key,
        &paths as &[&str],
        &starts,
        &sizes
    )
    .execute(&mut *tx)
    .await
    .done("register the files of a version")
}

//! Uploads in two steps: announced with a content hash, completed once the archive lies under its staging key.

use oddish_domain::id;
use oddish_domain::status::Priority;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::idempotency::Work;
use crate::task_files::FileIndex;
use crate::{Db, DbError, Tx, task_files};

/// What a client announces.
#[derive(Clone, Copy, Debug)]
pub struct NewUpload<'a> {
    /// Name of the task, whole.
    pub name: &'a str,
    /// SHA-256 over the task's files, lower-case hex (docs/compatibility.md, 2.4).
    pub content_hash: &'a str,
    /// SHA-256 of the archive, lower-case hex, if the client tells it.
    pub archive_sha256: Option<&'a str>,
    /// What the uploader says of this version.
    pub message: Option<&'a str>,
    /// Where the client will put the archive.
    pub staging_key: &'a str,
}

/// What came of announcing an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The task: the newest of that name, or a new one.
    pub task_id: String,
    /// The version that has this content, or the number that was taken for it.
    pub version: i32,
    /// Whether the task was there before.
    pub existing_task: bool,
    /// Whether its newest version has this content already, and this archive if one was told, so that nothing needs to be uploaded.
    pub unchanged: bool,
}

/// Announces an upload: finds the newest task of the name, or creates one, and takes the next version number unless the newest version
/// is the same: the content hash is blind to modes, empty folders and where files end, so that it decides only where no archive is told.
pub async fn announce(db: &Db, upload: &NewUpload<'_>, now: OffsetDateTime) -> Result<Announced, DbError> {
    let doing = "announce an upload";
    let mut tx = db.begin().await.doing(doing)?;
    // Two clients that announce the same new name at once take turns, and the second finds the first one's task.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('oddish.tasks:' || $1, 0))", upload.name)
        .execute(&mut tx)
        .await
        .doing(doing)?;
    let newest = sqlx::query!(
        "select id from oddish.tasks where name = $1 order by created_at desc, id limit 1 for no key update",
        upload.name
    )
    .fetch_optional(&mut tx)
    .await
    .doing(doing)?;
    let existing_task = newest.is_some();
    let task_id = match newest {
        Some(task) => task.id,
        None => insert_task(&mut tx, upload.name, now).await?,
    };
    let current = sqlx::query!(
        "select version, content_hash, archive_sha256 from oddish.task_versions where task_id = $1 order by version desc limit 1",
        task_id
    )
    .fetch_optional(&mut tx)
    .await
    .doing(doing)?;
    let current = current.filter(|current| {
        current.content_hash == upload.content_hash
            && upload.archive_sha256.is_none_or(|sha256| current.archive_sha256 == sha256)
    });
    if let Some(current) = current {
        return Ok(Announced { task_id, version: current.version, existing_task, unchanged: true });
    }
    // A statement of its own after the lock on the task's row, so that it sees what the holder before us took.
    let version = sqlx::query_scalar!(
        r#"insert into oddish.uploads (task_id, version, content_hash, message, staging_key, created_at)
        select $1, 1 + greatest(
            (select coalesce(max(version), 0) from oddish.task_versions where task_id = $1),
            (select coalesce(max(version), 0) from oddish.uploads where task_id = $1)), $2, $3, $4, $5
        returning version"#,
        task_id,
        upload.content_hash,
        upload.message,
        upload.staging_key,
        now
    )
    .fetch_one(&mut tx)
    .await
    .doing(doing)?;
    tx.commit().await.doing(doing)?;
    Ok(Announced { task_id, version, existing_task, unchanged: false })
}

/// Creates a task for an archive that comes with the request. Its first version is registered within the same work, so that nobody sees
/// the task without it.
pub async fn create_task(
    work: &mut Work,
    name: &str,
    content_hash: &str,
    now: OffsetDateTime,
) -> Result<NewVersion, DbError> {
    let task_id = insert_task(&mut work.tx, name, now).await?;
    Ok(NewVersion { task_id, number: 1, content_hash: content_hash.to_owned(), message: None })
}

async fn insert_task(tx: &mut Tx, name: &str, now: OffsetDateTime) -> Result<String, DbError> {
    loop {
        // Ids are short: one that is taken is drawn again.
        let task_id = id::task_id(name);
        let created = sqlx::query!(
            "insert into oddish.tasks (id, name, created_at, updated_at) values ($1, $2, $3, $3) on conflict (id) do nothing",
            task_id,
            name,
            now
        )
        .execute(&mut *tx)
        .await
        .doing("create a task")?;
        if created.rows_affected() == 1 {
            return Ok(task_id);
        }
    }
}

/// An announced upload that is being completed. Nobody else completes it until the work that holds it ends; work that is dropped leaves
/// it announced.
#[derive(Debug)]
pub struct Completion {
    /// Where the client put the archive.
    pub staging_key: String,
    /// The version as announced.
    pub version: NewVersion,
}

/// A version of a task that is not registered yet.
#[derive(Debug)]
pub struct NewVersion {
    /// The task.
    pub task_id: String,
    /// Its number, from 1.
    pub number: i32,
    /// SHA-256 over its files, lower-case hex (docs/compatibility.md, 2.4).
    pub content_hash: String,
    message: Option<String>,
}

/// What there is to complete.
#[derive(Debug)]
pub enum ToComplete {
    /// The upload, held until it is registered or dropped.
    Held(Box<Completion>),
    /// Somebody else is completing it at this moment.
    Busy,
    /// It was completed before: its content hash.
    Registered {
        /// The hash of the version that is there.
        content_hash: String,
    },
    /// Nobody announced it.
    Unknown,
}

/// Takes hold of an announced upload, as part of a request's work.
pub async fn begin_completion(work: &mut Work, task_id: &str, version: i32) -> Result<ToComplete, DbError> {
    let doing = "begin to complete an upload";
    let tx = &mut work.tx;
    // Before the upload's row, in the order in which a deletion of the task locks them: it goes either before the archive is stored or after.
    sqlx::query!("select from oddish.tasks where id = $1 for key share", task_id)
        .execute(&mut *tx)
        .await
        .doing(doing)?;
    let held = sqlx::query!(
        "select staging_key, content_hash, message from oddish.uploads where task_id = $1 and version = $2
        for update skip locked",
        task_id,
        version
    )
    .fetch_optional(&mut *tx)
    .await
    .doing(doing)?;
    if let Some(upload) = held {
        let version = NewVersion {
            task_id: task_id.to_owned(),
            number: version,
            content_hash: upload.content_hash,
            message: upload.message,
        };
        return Ok(ToComplete::Held(Box::new(Completion { staging_key: upload.staging_key, version })));
    }
    let registered = sqlx::query_scalar!(
        "select content_hash from oddish.task_versions where task_id = $1 and version = $2",
        task_id,
        version
    )
    .fetch_optional(&mut *tx)
    .await
    .doing(doing)?;
    if let Some(content_hash) = registered {
        return Ok(ToComplete::Registered { content_hash });
    }
    let announced = sqlx::query_scalar!(
        r#"select exists (select from oddish.uploads where task_id = $1 and version = $2) as "announced!""#,
        task_id,
        version
    )
    .fetch_one(&mut *tx)
    .await
    .doing(doing)?;
    Ok(if announced { ToComplete::Busy } else { ToComplete::Unknown })
}

/// An archive that was checked and stored.
#[derive(Clone, Copy, Debug)]
pub struct StoredArchive<'a> {
    /// Where it lies.
    pub key: &'a str,
    /// Its SHA-256, lower-case hex.
    pub sha256: &'a str,
    /// Its size.
    pub bytes: i64,
    /// The files in it.
    pub files: FileIndex<'a>,
}

impl NewVersion {
    /// Registers the version, whose archive lies under its own key now, and ends its upload if it was announced, as part of the work that
    /// took its number.
    pub async fn register(
        self,
        work: &mut Work,
        archive: &StoredArchive<'_>,
        now: OffsetDateTime,
    ) -> Result<(), DbError> {
        sqlx::query!(
            "with ended as (delete from oddish.uploads where task_id = $1 and version = $2)
            insert into oddish.task_versions
                (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, message, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)",
            self.task_id,
            self.number,
            archive.key,
            archive.sha256,
            archive.bytes,
            self.content_hash,
            self.message,
            now
        )
        .execute(&mut work.tx)
        .await
        .doing("register an uploaded version")?;
        task_files::insert(&mut work.tx, &self.task_id, self.number, archive.files).await
    }
}

/// Who registers a task that was uploaded, before anybody runs it.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// Who submits it.
    pub submitted_by: &'a str,
    /// Whose key it is submitted with.
    pub key_owner: Option<&'a str>,
    /// Before or after others.
    pub priority: Priority,
}

/// Registers an uploaded task, as part of a request's work: it is listed from now on, without experiment or trials. A task that is listed
/// already stays as it is.
pub async fn register_task(
    work: &mut Work,
    task_id: &str,
    registration: Registration<'_>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.tasks set submitted_by = $2, key_owner = $3, priority = $4, updated_at = $5
        where id = $1 and submitted_by is null",
        task_id,
        registration.submitted_by,
        registration.key_owner,
        registration.priority.as_str(),
        now
    )
    .execute(&mut work.tx)
    .await
    .done("register a task without trials")
}

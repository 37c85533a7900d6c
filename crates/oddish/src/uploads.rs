//! Uploads of tasks: in one step, or announced with a content hash and completed once the archive is in the store.

pub(crate) mod archive;
pub(crate) mod staging;

use std::collections::BTreeMap;
use std::path::Path;

use oddish_api_types::{CompleteUploadRequest, InitUploadRequest, InitUploadResponse, MAX_MESSAGE, UploadResponse};
use oddish_artifacts::{Key, SharedStore, key};
use oddish_db::Db;
use oddish_db::task_files::FileIndex;
use oddish_db::uploads::{self, Completion, NewUpload, NewVersion, Registration, StoredArchive, ToComplete};
use oddish_domain::id::{self, NameError};
use serde_json::Value;
use time::OffsetDateTime;

use self::archive::Checked;
use crate::capabilities::{Artifacts, UploadRules};
use crate::fields::{UNNAMED, fault, label};
use crate::idempotency::{self, Begun, Work};
use crate::tasks::{version_not_found, version_prefix};
use crate::{Error, Submission};

/// The name of a task, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskName(String);

impl TaskName {
    /// Reads a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        id::task_name(name).map(Self)
    }

    /// The name of the task in an archive of this file name.
    pub fn of_archive(file_name: Option<&str>) -> Result<Self, Error> {
        Self::parse(&id::task_name_from_archive(file_name))
            .map_err(|error| Error::refused(format!("The file's name cannot name a task: {error}")))
    }
}

/// Checks the size of an archive, in bytes.
pub fn check_size(size: u64, rules: &UploadRules) -> Result<(), Error> {
    if size > rules.max_bytes { Err(staging::too_large("Task", rules.max_bytes)) } else { Ok(()) }
}

/// Stores the task in an archive. Always makes a new one: names are not unique.
pub async fn create(
    db: &Db,
    Artifacts(store): &Artifacts,
    rules: &UploadRules,
    TaskName(name): TaskName,
    archive: &Path,
    now: OffsetDateTime,
) -> Result<UploadResponse, Error> {
    check_size(tokio::fs::metadata(archive).await.map_err(Error::internal)?.len(), rules)?;
    let checked = archive::check(archive, rules).await?;
    let mut work = Work::begin(db).await?;
    let version = uploads::create_task(&mut work, &name, &checked.content_hash, now).await?;
    let task_id = version.task_id.clone();
    accept(&mut work, store, version, archive, &checked, now).await?;
    work.finish(&Value::Null).await?;
    let s3_key = Some(key::task_prefix(&task_id)?);
    Ok(UploadResponse { s3_key, ..response(task_id, name, 1, checked.content_hash, checked.warnings)? })
}

/// Announces an upload, and answers where to put the archive, unless the newest version of the task has this content already.
///
/// Where `archive_sha256` is told, having the content means having that archive: modes, empty folders and where files end count too.
pub async fn init(
    db: &Db,
    Artifacts(store): &Artifacts,
    rules: &UploadRules,
    request: InitUploadRequest,
    now: OffsetDateTime,
) -> Result<InitUploadResponse, Error> {
    let name = check(&request, rules)?;
    let staging = key::staging_key(&staging::token())?;
    let new = NewUpload {
        name: &name,
        content_hash: &request.content_hash,
        archive_sha256: request.archive_sha256.as_deref(),
        message: message(request.message.as_deref())?,
        staging_key: staging.as_str(),
    };
    let announced = uploads::announce(db, &new, now).await?;
    let signed = if announced.unchanged { None } else { Some(staging::sign(store, &staging, request.size).await?) };
    let number = announced.version.unsigned_abs();
    Ok(InitUploadResponse {
        s3_key: Some(version_prefix(&announced.task_id, announced.version)?),
        version_id: id::version_id(&announced.task_id, number),
        task_id: announced.task_id,
        name,
        task_path: None,
        version: announced.version,
        existing_task: announced.existing_task,
        content_unchanged: announced.unchanged,
        content_hash: request.content_hash,
        requires_completion: signed.is_some(),
        upload_method: signed.as_ref().map(|signed| signed.method.to_string()),
        upload_headers: signed.as_ref().map_or_else(BTreeMap::new, |signed| signed.headers.clone()),
        upload_url: signed.map(|signed| signed.url),
    })
}

/// Checks an announced archive and makes it a version of its task. Completing the same upload again gives the same answer.
pub async fn complete(
    db: &Db,
    Artifacts(store): &Artifacts,
    rules: &UploadRules,
    submission: Submission<'_, CompleteUploadRequest>,
    now: OffsetDateTime,
) -> Result<UploadResponse, Error> {
    let request = submission.input;
    let CompleteUploadRequest { task_id, version, content_hash, .. } = request;
    message(request.message.as_deref())?;
    let registration = registration(request, submission.key_owner)?;
    let mut work = match idempotency::begin(db, submission.idempotency_key, now).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let (warnings, staging) = match uploads::begin_completion(&mut work, task_id, *version).await? {
        ToComplete::Held(completion) if completion.version.content_hash == *content_hash => {
            let staging = Key::parse(completion.staging_key.as_str())?;
            (take(&mut work, store, rules, *completion, &staging, now).await?, Some(staging))
        }
        ToComplete::Registered { content_hash: registered } if registered == *content_hash => (Vec::new(), None),
        ToComplete::Held(_) | ToComplete::Registered { .. } => {
            return Err(Error::conflict(
                "This version was announced with another content hash. Announce the upload again.",
            ));
        }
        ToComplete::Busy => return Err(Error::conflict("This upload is being completed by another request.")),
        ToComplete::Unknown => return Err(version_not_found(task_id, *version)),
    };
    if let Some(registration) = registration {
        uploads::register_task(&mut work, task_id, registration, now).await?;
    }
    let answer = response(task_id.clone(), request.name.clone(), *version, content_hash.clone(), warnings)?;
    let answer = idempotency::finish(work, answer).await?;
    if let Some(staging) = staging {
        staging::discard(store, &staging).await;
    }
    Ok(answer)
}

/// Accepts the archive under the staging key, if its content is as announced. Returns the warnings for the author of the task.
async fn take(
    work: &mut Work,
    store: &SharedStore,
    rules: &UploadRules,
    Completion { version, .. }: Completion,
    staging: &Key,
    now: OffsetDateTime,
) -> Result<Vec<String>, Error> {
    let archive = staging::fetch(store, staging, rules.max_bytes, "Task").await?;
    let checked = archive::check(archive.path(), rules).await?;
    if checked.content_hash != version.content_hash {
        return Err(Error::refused(format!(
            "The archive's files hash to {}, not to the {} that was announced: upload it again.",
            checked.content_hash, version.content_hash
        )));
    }
    accept(work, store, version, archive.path(), &checked, now).await?;
    Ok(checked.warnings)
}

/// Stores a checked archive where no client can write, and registers the version. The work that took the version's number keeps others from
/// its keys until it ends.
async fn accept(
    work: &mut Work,
    store: &SharedStore,
    version: NewVersion,
    archive: &Path,
    checked: &Checked,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let number = version.number.unsigned_abs();
    let (key, pack) = (key::task_archive_key(&version.task_id, number)?, key::task_pack_key(&version.task_id, number)?);
    // What was checked is stored, and not what lies under a staging key by now: the client can still write there.
    store.put_file(&key, archive).await?;
    store.put_file(&pack, checked.pack.content.path()).await?;
    let files = FileIndex { key: pack.as_str(), files: &checked.index() };
    let stored = StoredArchive { key: key.as_str(), sha256: &checked.sha256, bytes: checked.bytes, files };
    Ok(version.register(work, &stored, now).await?)
}

fn response(
    task_id: String,
    name: String,
    version: i32,
    content_hash: String,
    warnings: Vec<String>,
) -> Result<UploadResponse, Error> {
    Ok(UploadResponse {
        s3_key: Some(version_prefix(&task_id, version)?),
        version: Some(version),
        version_id: Some(id::version_id(&task_id, version.unsigned_abs())),
        existing_task: version > 1,
        task_id,
        name,
        task_path: None,
        content_unchanged: false,
        content_hash: Some(content_hash),
        warnings,
    })
}

/// Who registers the task, if that was asked for.
fn registration<'a>(
    request: &'a CompleteUploadRequest,
    key_owner: Option<&'a str>,
) -> Result<Option<Registration<'a>>, Error> {
    let user = request.user.as_deref().map(|user| label(&["user"], user)).transpose()?;
    let submitted_by = user.or(key_owner).unwrap_or(UNNAMED);
    let priority = request.priority.unwrap_or_default();
    Ok(request.register_task.then_some(Registration { submitted_by, key_owner, priority }))
}

fn check(request: &InitUploadRequest, rules: &UploadRules) -> Result<String, Error> {
    let hashes = [("content_hash", Some(&request.content_hash)), ("archive_sha256", request.archive_sha256.as_ref())];
    for (name, hash) in hashes {
        if hash.is_some_and(|hash| !is_sha256(hash)) {
            return Err(fault(&[name], "must be 64 lower-case hex digits"));
        }
    }
    request.size.map_or(Ok(()), |size| check_size(size, rules))?;
    if request.size == Some(0) {
        return Err(fault(&["size"], "must be at least 1"));
    }
    id::uploaded_task_name(&request.name).map_err(|error| Error::invalid("name", error))
}

fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The client's description of a version, which may have several lines.
fn message(text: Option<&str>) -> Result<Option<&str>, Error> {
    if text.is_some_and(|text| text.chars().count() > MAX_MESSAGE) {
        return Err(fault(&["message"], format_args!("must be at most {MAX_MESSAGE} characters")));
    }
    Ok(text)
}

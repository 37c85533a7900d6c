//! `POST /tasks/upload/complete`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use oddish_api_types::{CompleteUploadRequest, ErrorBody, UploadResponse};
use oddish_artifacts::{Key, SharedStore, StoreError, key};
use oddish_db::idempotency::Work;
use oddish_db::task_files::FileIndex;
use oddish_db::uploads::{self, Completion, Registration, StoredArchive, ToComplete};
use oddish_domain::id;
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use super::{UNNAMED, archive_check, label, message, version_prefix};
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::{Body, Repeatable};
use crate::idempotency::{self, Begun, IdempotencyHeader};
use crate::state::{Artifacts, Db, UploadRules};

/// Checks an uploaded archive and makes it a version of its task.
///
/// Completing the same upload again gives the same answer.
#[utoipa::path(post, path = "/tasks/upload/complete", operation_id = "complete_upload", tag = "tasks",
    request_body = CompleteUploadRequest, params(IdempotencyHeader),
    responses((status = 200, body = UploadResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn complete_upload(
    caller: Authed<Submit>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(rules): State<UploadRules>,
    Repeatable { key, body: Body(request) }: Repeatable<Body<CompleteUploadRequest>>,
) -> Result<Json<UploadResponse>, ApiError> {
    message(request.message.as_deref())?;
    let registration = registration(&request, caller.owner.as_deref())?;
    let mut work = match idempotency::begin(&db, key.as_ref()).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let (warnings, staging) = match uploads::begin_completion(&mut work, &request.task_id, request.version).await? {
        ToComplete::Held(completion) => {
            let staging = Key::parse(completion.staging_key.as_str())?;
            (complete(&mut work, *completion, &staging, &store, rules, &request).await?, Some(staging))
        }
        ToComplete::Registered { content_hash } if content_hash == request.content_hash => (Vec::new(), None),
        ToComplete::Registered { .. } => return Err(other_content()),
        ToComplete::Busy => return Err(ApiError::conflict("This upload is being completed by another request.")),
        ToComplete::Unknown => {
            let CompleteUploadRequest { task_id, version, .. } = &request;
            return Err(ApiError::not_found(format!("Version {version} not found for task {task_id}")));
        }
    };
    if let Some(registration) = registration {
        uploads::register_task(&mut work, &request.task_id, registration, OffsetDateTime::now_utc()).await?;
    }
    let answer = idempotency::finish(work, response(request, warnings)?).await?;
    if let Some(staging) = staging {
        discard(&store, &staging).await;
    }
    Ok(answer)
}

/// Who registers the task, if that was asked for.
fn registration<'a>(
    request: &'a CompleteUploadRequest,
    key_owner: Option<&'a str>,
) -> Result<Option<Registration<'a>>, ApiError> {
    let user = request.user.as_deref().map(|user| label("user", user)).transpose()?;
    let submitted_by = user.or(key_owner).unwrap_or(UNNAMED);
    let priority = request.priority.unwrap_or_default();
    Ok(request.register_task.then_some(Registration { submitted_by, key_owner, priority }))
}

fn response(request: CompleteUploadRequest, warnings: Vec<String>) -> Result<UploadResponse, ApiError> {
    Ok(UploadResponse {
        s3_key: Some(version_prefix(&request.task_id, request.version)?),
        version: Some(request.version),
        version_id: Some(id::version_id(&request.task_id, request.version.unsigned_abs())),
        existing_task: request.version > 1,
        task_id: request.task_id,
        name: request.name,
        task_path: None,
        content_unchanged: false,
        content_hash: Some(request.content_hash),
        warnings,
    })
}

async fn complete(
    work: &mut Work,
    completion: Completion,
    staging: &Key,
    store: &SharedStore,
    rules: UploadRules,
    request: &CompleteUploadRequest,
) -> Result<Vec<String>, ApiError> {
    if completion.content_hash != request.content_hash {
        return Err(other_content());
    }
    let archive = fetch(store, staging, rules.max_bytes, "Task").await?;
    let checked = archive_check::check(archive.path(), &rules).await?;
    if checked.content_hash != completion.content_hash {
        return Err(ApiError::bad_request(format!(
            "The archive's files hash to {}, not to the {} that was announced: upload it again.",
            checked.content_hash, completion.content_hash
        )));
    }
    // What was checked is stored, and not what lies under the staging key by now: the client can still write there.
    let number = request.version.unsigned_abs();
    let (key, pack) = (key::task_archive_key(&request.task_id, number)?, key::task_pack_key(&request.task_id, number)?);
    store.put_file(&key, archive.path()).await?;
    store.put_file(&pack, checked.pack.content.path()).await?;
    let files = FileIndex { key: pack.as_str(), files: &checked.index() };
    let stored = StoredArchive { key: key.as_str(), sha256: &checked.sha256, bytes: checked.bytes, files };
    completion.register(work, &stored, OffsetDateTime::now_utc()).await?;
    Ok(checked.warnings)
}

/// Brings an uploaded archive to the disk, if it is there and not too large. Published clients know the text (docs/compatibility.md, 1.5).
pub(crate) async fn fetch(
    store: &SharedStore,
    staging: &Key,
    max_bytes: u64,
    what: &str,
) -> Result<NamedTempFile, ApiError> {
    let absent = || ApiError::bad_request(format!("Uploaded {} archive not found in S3", what.to_lowercase()));
    let object = store.head(staging).await?.ok_or_else(absent)?;
    if object.size > max_bytes {
        discard(store, staging).await;
        let text = format!("{what} upload too large. Max size is {}MB.", max_bytes >> 20);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let file = NamedTempFile::new().map_err(|error| ApiError::internal(&error))?;
    match store.get_to_file(staging, file.path()).await {
        Ok(()) => Ok(file),
        Err(StoreError::NotFound { .. }) => Err(absent()),
        Err(error) => Err(error.into()),
    }
}

/// A staging object that stays costs a little and harms nothing, so that failing to delete it fails no upload.
pub(crate) async fn discard(store: &SharedStore, staging: &Key) {
    let Some((folder, _)) = staging.as_str().rsplit_once('/') else { return };
    if let Err(error) = store.delete_prefix(&format!("{folder}/")).await {
        tracing::warn!(error = &error as &dyn std::error::Error, %staging, "a staging object stays");
    }
}

fn other_content() -> ApiError {
    ApiError::conflict("This version was announced with another content hash. Announce the upload again.")
}

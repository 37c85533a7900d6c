//! `POST /tasks/upload/init`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use oddish_api_types::{ErrorBody, InitUploadRequest, InitUploadResponse};
use oddish_artifacts::key;
use oddish_db::uploads::{self, NewUpload};
use oddish_domain::id;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{message, version_prefix};
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::{Artifacts, Db, UploadRules};

/// How long the upload URL works (docs/compatibility.md, 1.5).
const UPLOAD_WITHIN: Duration = Duration::from_hours(1);

/// Announces an upload, and answers where to put the archive, unless the newest version of the task has this content already.
///
/// Where `archive_sha256` is told, having the content means having that archive: modes, empty folders and where files end count too.
#[utoipa::path(post, path = "/tasks/upload/init", operation_id = "init_upload", tag = "tasks",
    request_body = InitUploadRequest,
    responses((status = 200, body = InitUploadResponse), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn init_upload(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(rules): State<UploadRules>,
    Body(request): Body<InitUploadRequest>,
) -> Result<Json<InitUploadResponse>, ApiError> {
    let name = check(&request, rules.max_bytes)?;
    // Of one use: a client that keeps its URL can write nothing that counts once the upload is completed.
    let staging = key::staging_key(&Uuid::new_v4().simple().to_string())?;
    let new = NewUpload {
        name: &name,
        content_hash: &request.content_hash,
        archive_sha256: request.archive_sha256.as_deref(),
        message: message(request.message.as_deref())?,
        staging_key: staging.as_str(),
    };
    let announced = uploads::announce(&db, &new, OffsetDateTime::now_utc()).await?;
    let signed =
        if announced.unchanged { None } else { Some(store.presign_put(&staging, UPLOAD_WITHIN, request.size).await?) };
    let number = announced.version.unsigned_abs();
    Ok(Json(InitUploadResponse {
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
    }))
}

fn check(request: &InitUploadRequest, max_bytes: u64) -> Result<String, ApiError> {
    let field = |name: &str| vec![json!("body"), json!(name)];
    let hashes = [("content_hash", Some(&request.content_hash)), ("archive_sha256", request.archive_sha256.as_ref())];
    for (name, hash) in hashes {
        if hash.is_some_and(|hash| !is_sha256(hash)) {
            return Err(ApiError::value_error(field(name), format!("{name} must be 64 lower-case hex digits")));
        }
    }
    if request.size.is_some_and(|size| size > max_bytes) {
        let text = format!("Task upload too large. Max size is {}MB.", max_bytes >> 20);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    if request.size == Some(0) {
        return Err(ApiError::value_error(field("size"), "size must be at least 1"));
    }
    id::uploaded_task_name(&request.name).map_err(|error| ApiError::value_error(field("name"), error))
}

fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

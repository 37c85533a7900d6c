//! `POST /tasks/upload/init`.

use axum::Json;
use axum::extract::State;
use oddish::uploads;
use oddish_api_types::{ErrorBody, InitUploadRequest, InitUploadResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::Body;
use crate::state::{Artifacts, Db, UploadRules};

/// Announces an upload and returns the URL for the archive.
///
/// No upload is needed if the newest version of the task already has this content. With `archive_sha256`, content is the same only if the
/// archive is the same, with file modes and empty folders.
#[utoipa::path(post, path = "/tasks/upload/init", operation_id = "init_upload", tag = "tasks",
    request_body = InitUploadRequest,
    responses((status = 200, body = InitUploadResponse), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn init_upload(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(rules): State<UploadRules>,
    Body(request): Body<InitUploadRequest>,
) -> Result<Json<InitUploadResponse>, ApiError> {
    Ok(Json(uploads::init(&db, &artifacts, &rules, request, OffsetDateTime::now_utc()).await?))
}

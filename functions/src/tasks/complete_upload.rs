//! `POST /tasks/upload/complete`.

use axum::Json;
use axum::extract::State;
use oddish::{Submission, uploads};
use oddish_api_types::{CompleteUploadRequest, ErrorBody, UploadResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::{Body, Repeatable};
use crate::http::idempotency::IdempotencyHeader;
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
    State(artifacts): State<Artifacts>,
    State(rules): State<UploadRules>,
    Repeatable { key, body: Body(request) }: Repeatable<Body<CompleteUploadRequest>>,
) -> Result<Json<UploadResponse>, ApiError> {
    let submission = Submission { input: &request, key_owner: caller.owner.as_deref(), idempotency_key: key.as_ref() };
    Ok(Json(uploads::complete(&db, &artifacts, &rules, submission, OffsetDateTime::now_utc()).await?))
}

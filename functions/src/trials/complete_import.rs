//! `POST /trials/import/complete`.

use axum::Json;
use axum::extract::State;
use oddish::imports;
use oddish_api_types::{CompleteImportRequest, CompleteImportResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::Body;
use crate::state::{Artifacts, Db, UploadRules};

/// Checks the archive of an imported trial and stores its files.
///
/// Completing the same import again gives the same answer.
#[utoipa::path(post, path = "/trials/import/complete", operation_id = "complete_import", tag = "trials",
    request_body = CompleteImportRequest,
    responses((status = 200, body = CompleteImportResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn complete_import(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(rules): State<UploadRules>,
    Body(CompleteImportRequest { trial_id }): Body<CompleteImportRequest>,
) -> Result<Json<CompleteImportResponse>, ApiError> {
    Ok(Json(imports::complete(&db, &artifacts, &rules, trial_id, OffsetDateTime::now_utc()).await?))
}

//! `POST /trials/import/init`.

use axum::Json;
use axum::extract::State;
use oddish::imports;
use oddish_api_types::{ErrorBody, InitImportRequest, InitImportResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::Body;
use crate::state::{Artifacts, Db, Limits};

/// Imports a trial that ran elsewhere and returns the URL for its files.
///
/// The external id makes a repetition safe: until the files are stored, the same trial is returned with a new URL.
#[utoipa::path(post, path = "/trials/import/init", operation_id = "init_import", tag = "trials", request_body = InitImportRequest,
    responses((status = 200, body = InitImportResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn init_import(
    caller: Authed<Submit>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(limits): State<Limits>,
    Body(request): Body<InitImportRequest>,
) -> Result<Json<InitImportResponse>, ApiError> {
    let key_owner = caller.owner.as_deref();
    Ok(Json(imports::init(&db, &artifacts, &limits, key_owner, request, OffsetDateTime::now_utc()).await?))
}

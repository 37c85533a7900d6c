//! `POST /api-keys`.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use oddish::api_keys;
use oddish_api_types::{CreateApiKeyRequest, CreatedApiKeyResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::Body;
use crate::state::Db;

/// Creates an API key.
///
/// The key is shown in this answer only.
#[utoipa::path(post, path = "/api-keys", operation_id = "create_api_key", tag = "api keys", request_body = CreateApiKeyRequest,
    responses((status = 200, body = CreatedApiKeyResponse), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn create_api_key(
    caller: Authed<Full>,
    State(db): State<Db>,
    Body(request): Body<CreateApiKeyRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let created = api_keys::create(&db, &request, caller.owner.as_deref(), OffsetDateTime::now_utc()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(created)))
}

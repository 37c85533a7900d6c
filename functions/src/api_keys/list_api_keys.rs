//! `GET /api-keys`.

use axum::Json;
use axum::extract::State;
use oddish::api_keys;
use oddish_api_types::ApiKeyResponse;
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::state::Db;

/// Lists API keys, newest first.
///
/// Revoked and expired keys are included.
#[utoipa::path(get, path = "/api-keys", operation_id = "list_api_keys", tag = "api keys",
    responses((status = 200, body = Vec<ApiKeyResponse>)))]
pub async fn list_api_keys(_: Authed<Full>, State(db): State<Db>) -> Result<Json<Vec<ApiKeyResponse>>, ApiError> {
    Ok(Json(api_keys::list(&db, OffsetDateTime::now_utc()).await?))
}

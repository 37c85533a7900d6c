//! `DELETE /api-keys/{key_id}`.

use axum::Json;
use axum::extract::State;
use oddish::api_keys;
use oddish_api_types::{ErrorBody, RevokeApiKeyResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Revokes an API key.
///
/// Within a minute, no server accepts it. Its entry stays in the list. A key can revoke itself.
#[utoipa::path(delete, path = "/api-keys/{key_id}", operation_id = "revoke_api_key", tag = "api keys",
    params(("key_id" = String, Path, description = "Id of the key", pattern = "^[0-9a-f]{8}$", example = "3f9a1c07")),
    responses((status = 200, body = RevokeApiKeyResponse), (status = 404, body = ErrorBody)))]
pub async fn revoke_api_key(
    _: Authed<Full>,
    State(db): State<Db>,
    PathOf(key_id): PathOf<String>,
) -> Result<Json<RevokeApiKeyResponse>, ApiError> {
    Ok(Json(api_keys::revoke(&db, key_id, OffsetDateTime::now_utc()).await?))
}

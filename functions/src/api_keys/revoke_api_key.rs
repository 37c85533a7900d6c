//! `DELETE /api-keys/{key_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, RevokeApiKeyResponse};
use oddish_db::api_keys;
use time::OffsetDateTime;

use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;

/// Revokes a key: within a minute it lets nobody in any more, wherever it was used before.
///
/// Its entry stays in the list. A key can revoke itself.
#[utoipa::path(delete, path = "/api-keys/{key_id}", operation_id = "revoke_api_key", tag = "api keys",
    params(("key_id" = String, Path, description = "Id of the key", pattern = "^[0-9a-f]{8}$", example = "3f9a1c07")),
    responses((status = 200, body = RevokeApiKeyResponse), (status = 404, body = ErrorBody)))]
pub async fn revoke_api_key(
    _: Authed<Full>,
    State(db): State<Db>,
    PathOf(key_id): PathOf<String>,
) -> Result<Json<RevokeApiKeyResponse>, ApiError> {
    if !api_keys::revoke(&db, &key_id, OffsetDateTime::now_utc()).await? {
        // Published clients know the text (docs/compatibility.md, 1.14).
        return Err(ApiError::not_found("API key not found"));
    }
    Ok(Json(RevokeApiKeyResponse { status: "revoked".to_owned(), key_id }))
}

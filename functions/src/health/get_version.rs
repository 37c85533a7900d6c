//! `GET /version`.

use axum::Json;
use axum::extract::State;
use oddish::health;
use oddish_api_types::VersionResponse;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::state::Db;

/// Returns the versions of the program, its commit, Harbor and the database's schema.
///
/// Needs a key, unlike `/health`: the commit tells a stranger which fixes are missing.
#[utoipa::path(get, path = "/version", operation_id = "get_version", tag = "service",
    responses((status = 200, body = VersionResponse)))]
pub async fn get_version(_: Authed<Read>, State(db): State<Db>) -> Result<Json<VersionResponse>, ApiError> {
    Ok(Json(health::version(&db).await?))
}

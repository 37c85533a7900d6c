//! `GET /health`.

use axum::Json;
use axum::extract::State;
use oddish::health;
use oddish_api_types::HealthResponse;
use time::OffsetDateTime;

use crate::state::Db;

/// Returns whether the service works.
///
/// The status is 200 even if the database does not answer; the body names the part that fails.
#[utoipa::path(get, path = "/health", operation_id = "get_health", tag = "service",
    responses((status = 200, body = HealthResponse)))]
pub async fn get_health(State(db): State<Db>) -> Json<HealthResponse> {
    Json(health::check(&db, OffsetDateTime::now_utc()).await)
}

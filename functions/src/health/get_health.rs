//! `GET /health`.

use axum::Json;
use axum::extract::State;
use oddish::health;
use oddish_api_types::HealthResponse;
use time::OffsetDateTime;

use crate::state::Db;

/// Tells whether the service can do its work.
///
/// Answers 200 even when the database does not answer: whoever asks wants to know which part is at fault.
#[utoipa::path(get, path = "/health", operation_id = "get_health", tag = "service",
    responses((status = 200, body = HealthResponse)))]
pub async fn get_health(State(db): State<Db>) -> Json<HealthResponse> {
    Json(health::check(&db, OffsetDateTime::now_utc()).await)
}

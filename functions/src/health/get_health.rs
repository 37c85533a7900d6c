//! `GET /health`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::HealthResponse;
use time::OffsetDateTime;

use crate::state::Db;

/// Tells whether the service can do its work.
///
/// Answers 200 even when the database does not answer: whoever asks wants to know which part is at fault.
#[utoipa::path(get, path = "/health", operation_id = "get_health", tag = "service",
    responses((status = 200, body = HealthResponse)))]
pub async fn get_health(State(db): State<Db>) -> Json<HealthResponse> {
    let connected = match oddish_db::schema::ping(&db).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            false
        }
    };
    Json(HealthResponse {
        status: if connected { "healthy" } else { "degraded" }.to_owned(),
        database: if connected { "connected" } else { "disconnected" }.to_owned(),
        timestamp: OffsetDateTime::now_utc(),
    })
}

//! `GET /admin/queue-status`.

use axum::Json;
use axum::extract::State;
use oddish::admin;
use oddish_api_types::QueueStatusResponse;
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::state::Db;

/// Counts the waiting and running trials of each queue key, and its analyses and verdicts.
#[utoipa::path(get, path = "/admin/queue-status", operation_id = "get_queue_status", tag = "admin",
    responses((status = 200, body = QueueStatusResponse)))]
pub async fn get_queue_status(_: Authed<Full>, State(db): State<Db>) -> Result<Json<QueueStatusResponse>, ApiError> {
    Ok(Json(admin::queue_status(&db, OffsetDateTime::now_utc()).await?))
}

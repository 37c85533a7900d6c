//! `GET /queues`.

use axum::Json;
use axum::extract::State;
use oddish::queues;
use oddish_api_types::QueueResponse;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::state::Db;

/// Lists queue keys by name, with their limits and jobs.
#[utoipa::path(get, path = "/queues", operation_id = "list_queues", tag = "queues",
    responses((status = 200, body = Vec<QueueResponse>)))]
pub async fn list_queues(_: Authed<Read>, State(db): State<Db>) -> Result<Json<Vec<QueueResponse>>, ApiError> {
    Ok(Json(queues::list(&db).await?))
}

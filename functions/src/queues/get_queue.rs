//! `GET /queues/{key}`.

use axum::Json;
use axum::extract::State;
use oddish::queues;
use oddish_api_types::{ErrorBody, QueueResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Returns a queue key with its limit and jobs.
#[utoipa::path(get, path = "/queues/{*key}", operation_id = "get_queue", tag = "queues",
    params(("key" = String, Path, description = "The key, or a model's name in any spelling; its slashes may be escaped or not",
        max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")),
    responses((status = 200, body = QueueResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_queue(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(key): PathOf<String>,
) -> Result<Json<QueueResponse>, ApiError> {
    let key = queues::Key::parse(&key).map_err(ApiError::in_path)?;
    Ok(Json(queues::get(&db, &key).await?))
}

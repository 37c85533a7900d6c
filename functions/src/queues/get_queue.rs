//! `GET /queues/{key}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, QueueResponse};
use oddish_db::queue_keys;

use super::{key_in_path, present_queue, queue_not_found};
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;

/// One queue key with its limit and what it holds.
#[utoipa::path(get, path = "/queues/{*key}", operation_id = "get_queue", tag = "queues",
    params(("key" = String, Path, description = "The key, or a model's name in any spelling; its slashes may be escaped or not",
        max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")),
    responses((status = 200, body = QueueResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_queue(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(key): PathOf<String>,
) -> Result<Json<QueueResponse>, ApiError> {
    let key = key_in_path(&key)?;
    let queue = queue_keys::list(&db, Some(&key)).await?.pop().ok_or_else(|| queue_not_found(&key))?;
    Ok(Json(present_queue(queue)))
}

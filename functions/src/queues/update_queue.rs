//! `PATCH /queues/{key}`.

use axum::Json;
use axum::extract::State;
use oddish::queues;
use oddish_api_types::{ErrorBody, QueueResponse, UpdateQueueRequest};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::{Body, PathOf};
use crate::state::{Db, Wake};

/// Sets the limit of a queue key, pauses it or resumes it.
///
/// Running trials continue: a lower limit takes effect as trials end.
#[utoipa::path(patch, path = "/queues/{*key}", operation_id = "update_queue", tag = "queues", request_body = UpdateQueueRequest,
    params(("key" = String, Path, description = "The key, or a model's name in any spelling; its slashes may be escaped or not",
        max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")),
    responses((status = 200, body = QueueResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn update_queue(
    _: Authed<Full>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(key): PathOf<String>,
    Body(request): Body<UpdateQueueRequest>,
) -> Result<Json<QueueResponse>, ApiError> {
    let key = queues::Key::parse(&key).map_err(ApiError::in_path)?;
    Ok(Json(queues::update(&db, &wake, &key, &request, OffsetDateTime::now_utc()).await?))
}

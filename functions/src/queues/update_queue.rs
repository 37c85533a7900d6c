//! `PATCH /queues/{key}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, QueueResponse, UpdateQueueRequest};
use oddish_db::queue_keys;
use oddish_domain::limits::MAX_CONCURRENCY;
use serde_json::json;
use time::OffsetDateTime;

use super::{key_in_path, present_queue, queue_not_found};
use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::extract::{Body, PathOf};
use crate::state::{Db, Wake};

/// Characters of a reason at the most.
const MAX_REASON: usize = 500;

/// Sets the limit of a queue key, pauses it or resumes it, while everything runs.
///
/// Nothing that runs is stopped: a lowered limit waits for trials to end.
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
    let key = key_in_path(&key)?;
    check(&request)?;
    let now = OffsetDateTime::now_utc();
    if let Some(limit) = request.concurrency_limit {
        queue_keys::set_limit(&db, &key, limit, now).await?;
    }
    let known = match request.paused {
        Some(true) => queue_keys::pause(&db, &key, request.reason.as_deref(), now).await?,
        Some(false) => queue_keys::resume(&db, &key, now).await?,
        None => true,
    };
    let queue = if known { queue_keys::list(&db, Some(&key)).await?.pop() } else { None };
    wake.dispatcher().await;
    queue.map(|queue| Json(present_queue(queue))).ok_or_else(|| queue_not_found(&key))
}

fn check(request: &UpdateQueueRequest) -> Result<(), ApiError> {
    let fault = |field: &str, rule: String| Err(ApiError::value_error(vec![json!("body"), json!(field)], rule));
    if request.concurrency_limit.is_some_and(|limit| limit > MAX_CONCURRENCY) {
        return fault("concurrency_limit", format!("concurrency_limit must be from 0 to {MAX_CONCURRENCY}"));
    }
    if let Some(reason) = &request.reason {
        if request.paused != Some(true) {
            return fault("reason", "reason says why a key is paused: set paused to true with it".to_owned());
        }
        if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            return fault(
                "reason",
                format!("reason must have at most {MAX_REASON} characters, none of them a control character"),
            );
        }
    }
    if request.concurrency_limit.is_none() && request.paused.is_none() {
        return Err(ApiError::value_error(vec![json!("body")], "nothing to change: give concurrency_limit or paused"));
    }
    Ok(())
}

//! `POST /tasks/cancel`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{CancelTasksRequest, CancelTasksResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::Body;
use crate::state::{Db, Wake};

/// Cancels all trials of the given tasks.
///
/// Waiting trials end at once, running ones stop within seconds. A cancelled task has status `failed` once its last trial has stopped.
/// Tasks and trials that have ended do not change.
#[utoipa::path(post, path = "/tasks/cancel", operation_id = "cancel_tasks", tag = "tasks", request_body = CancelTasksRequest,
    responses((status = 200, body = CancelTasksResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn cancel_tasks(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    Body(request): Body<CancelTasksRequest>,
) -> Result<Json<CancelTasksResponse>, ApiError> {
    Ok(Json(tasks::cancel(&db, &wake, request, OffsetDateTime::now_utc()).await?))
}

//! `POST /tasks/{task_id}/verdict/retry`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, RetryVerdictResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Db, Judges, Limits, Wake};

/// Makes a new verdict on a task whose trials have been analysed.
#[utoipa::path(post, path = "/tasks/{task_id}/verdict/retry", operation_id = "retry_verdict", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = RetryVerdictResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This deployment judges nothing")))]
pub async fn retry_verdict(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(limits): State<Limits>,
    State(judges): State<Judges>,
    State(wake): State<Wake>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<RetryVerdictResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    Ok(Json(tasks::retry_verdict(&db, &limits, &judges, &wake, task_id, now).await?))
}

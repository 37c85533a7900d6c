//! `POST /tasks/{task_id}/analysis/retry`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, RetryTaskAnalysisResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Db, Judges, Limits, Wake};

/// Analyses all trials of a task again, then makes a new verdict.
///
/// The new analyses replace the present ones. A task without judging is judged from then on.
#[utoipa::path(post, path = "/tasks/{task_id}/analysis/retry", operation_id = "retry_task_analysis", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = RetryTaskAnalysisResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This deployment judges nothing")))]
pub async fn retry_task_analysis(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(limits): State<Limits>,
    State(judges): State<Judges>,
    State(wake): State<Wake>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<RetryTaskAnalysisResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    Ok(Json(tasks::retry_analysis(&db, &limits, &judges, &wake, task_id, now).await?))
}

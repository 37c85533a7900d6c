//! `GET /tasks/{task_id}/trials`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, TrialResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Lists the trials of a task by index, of all its versions.
#[utoipa::path(get, path = "/tasks/{task_id}/trials", operation_id = "list_task_trials", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = Vec<TrialResponse>), (status = 404, body = ErrorBody)))]
pub async fn list_task_trials(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<Vec<TrialResponse>>, ApiError> {
    Ok(Json(tasks::list_trials(&db, task_id, OffsetDateTime::now_utc()).await?))
}

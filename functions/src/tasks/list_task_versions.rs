//! `GET /tasks/{task_id}/versions`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, TaskVersionResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Lists the versions of a task, newest first.
#[utoipa::path(get, path = "/tasks/{task_id}/versions", operation_id = "list_task_versions", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = Vec<TaskVersionResponse>), (status = 404, body = ErrorBody)))]
pub async fn list_task_versions(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<Vec<TaskVersionResponse>>, ApiError> {
    Ok(Json(tasks::list_versions(&db, &task_id).await?))
}

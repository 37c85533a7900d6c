//! `GET /tasks/{task_id}/versions/{version}`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, TaskVersionResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Returns a version of a task.
#[utoipa::path(get, path = "/tasks/{task_id}/versions/{version}", operation_id = "get_task_version", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"),
        ("version" = i32, Path, description = "Number of the version, from 1", minimum = 1, maximum = 2_147_483_647)),
    responses((status = 200, body = TaskVersionResponse), (status = 404, body = ErrorBody)))]
pub async fn get_task_version(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf((task_id, version)): PathOf<(String, i32)>,
) -> Result<Json<TaskVersionResponse>, ApiError> {
    Ok(Json(tasks::get_version(&db, &task_id, version).await?))
}

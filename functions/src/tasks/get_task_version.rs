//! `GET /tasks/{task_id}/versions/{version}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskVersionResponse};
use oddish_db::task_versions;

use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;
use oddish::tasks::present::present_version;

/// One version of a task.
#[utoipa::path(get, path = "/tasks/{task_id}/versions/{version}", operation_id = "get_task_version", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"),
        ("version" = i32, Path, description = "Number of the version, from 1", minimum = 1, maximum = 2_147_483_647)),
    responses((status = 200, body = TaskVersionResponse), (status = 404, body = ErrorBody)))]
pub async fn get_task_version(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf((task_id, version)): PathOf<(String, i32)>,
) -> Result<Json<TaskVersionResponse>, ApiError> {
    let found = task_versions::list(&db, &task_id, Some(version)).await?.pop();
    // Published clients know the text (docs/compatibility.md, 1.4).
    let missing = || ApiError::not_found(format!("Version {version} not found for task {task_id}"));
    found.map(present_version).map(Json).ok_or_else(missing)
}

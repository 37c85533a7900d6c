//! `GET /tasks/{task_id}/versions`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskVersionResponse};
use oddish_db::task_versions;

use super::task_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;
use oddish::tasks::present::present_version;

/// Lists the versions of a task, newest first.
#[utoipa::path(get, path = "/tasks/{task_id}/versions", operation_id = "list_task_versions", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = Vec<TaskVersionResponse>), (status = 404, body = ErrorBody)))]
pub async fn list_task_versions(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<Vec<TaskVersionResponse>>, ApiError> {
    let versions = task_versions::list(&db, &task_id, None).await?;
    // One whose first archive never came is not there yet.
    if versions.is_empty() {
        return Err(task_not_found(&task_id));
    }
    Ok(Json(versions.into_iter().map(present_version).collect()))
}

//! `GET /tasks/{task_id}/files/{path}`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::tasks::files;
use oddish_api_types::{ErrorBody, TaskFileResponse};

use super::list_task_files::VersionQuery;
use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};

/// Returns the text of a file of a task.
///
/// A file that is not UTF-8 is answered with 404.
#[utoipa::path(get, path = "/tasks/{task_id}/files/{*path}", operation_id = "get_task_file", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"), ("path" = String, Path, description = "Path in the task's folder"),
        VersionQuery),
    responses((status = 200, body = TaskFileResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_task_file(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf((task_id, path)): PathOf<(String, String)>,
    Query(VersionQuery { version }): Query<VersionQuery>,
) -> Result<Json<TaskFileResponse>, ApiError> {
    Ok(Json(files::get(&db, &artifacts, Caller::Member, (&task_id, version), &path).await?))
}

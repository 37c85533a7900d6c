//! `GET /public/tasks/{task_id}/files/{path}`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::tasks::files;
use oddish_api_types::{ErrorBody, TaskFileResponse};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};
use crate::tasks::list_task_files::VersionQuery;

/// Returns the text of a file of a task in a shared experiment.
///
/// Files of the solution and the tests are not found.
#[utoipa::path(get, path = "/public/tasks/{task_id}/files/{*path}", operation_id = "get_public_task_file", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"),
        ("path" = String, Path, description = "Path in the task's folder"), VersionQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TaskFileResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_task_file(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf((task_id, path)): PathOf<(String, String)>,
    Query(VersionQuery { version }): Query<VersionQuery>,
) -> Result<Json<TaskFileResponse>, ApiError> {
    Ok(Json(files::get(&db, &artifacts, Caller::Guest(&shared), (&task_id, version), &path).await?))
}

//! `GET /public/tasks/{task_id}/files/{path}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskFileResponse};
use oddish_db::task_files::Audience;

use super::{ShareToken, ShareTokenHeader, Shared, version};
use crate::error::ApiError;
use crate::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};
use crate::tasks::files;
use crate::tasks::list_task_files::VersionQuery;

/// The text of one file of a task, in a version that trials of a shared experiment ran. Of the solution and the tests there is none.
#[utoipa::path(get, path = "/public/tasks/{task_id}/files/{*path}", operation_id = "get_public_task_file", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"),
        ("path" = String, Path, description = "Path in the task's folder"), VersionQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TaskFileResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_task_file(
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    shared: Shared,
    PathOf((task_id, path)): PathOf<(String, String)>,
    Query(asked): Query<VersionQuery>,
) -> Result<Json<TaskFileResponse>, ApiError> {
    let version = version(&db, &shared, &task_id, asked.version).await?;
    files::read(&db, store.as_ref(), Audience::Guests, (&task_id, Some(version)), &path).await.map(Json)
}

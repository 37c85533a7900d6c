//! `GET /public/tasks/{task_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::tasks::files;
use oddish_api_types::{ErrorBody, ListFilesQuery, TaskFilesResponse};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};
use crate::tasks::list_task_files::VersionQuery;

/// Lists the files of a task in a shared experiment.
///
/// They are of the newest version that trials of the experiment ran, or of the version that the query names. Solution and tests are left
/// out, and so is the link to the archive, which contains them.
#[utoipa::path(get, path = "/public/tasks/{task_id}/files", operation_id = "list_public_task_files", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"), ListFilesQuery, VersionQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TaskFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_public_task_files(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf(task_id): PathOf<String>,
    Query(query): Query<ListFilesQuery>,
    Query(VersionQuery { version }): Query<VersionQuery>,
) -> Result<Json<TaskFilesResponse>, ApiError> {
    let listed = files::list(&db, &artifacts, Caller::Guest(&shared), (&task_id, version), &query).await;
    listed.map(Json).map_err(ApiError::in_query)
}

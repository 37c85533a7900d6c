//! `GET /public/tasks/{task_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskFilesResponse};
use oddish_db::task_files::Audience;

use super::{ShareToken, ShareTokenHeader, Shared, version};
use crate::error::ApiError;
use crate::extract::{PathOf, Query};
use crate::listing::ListQuery;
use crate::state::{Artifacts, Db};
use crate::tasks::files;
use crate::tasks::list_task_files::VersionQuery;

/// The files of a task, in a version that trials of a shared experiment ran: the newest such version, unless another one is named.
///
/// The solution and the tests are left out, and so is the link to the archive, which holds them.
#[utoipa::path(get, path = "/public/tasks/{task_id}/files", operation_id = "list_public_task_files", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"), ListQuery, VersionQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TaskFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_public_task_files(
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    shared: Shared,
    PathOf(task_id): PathOf<String>,
    Query(query): Query<ListQuery>,
    Query(asked): Query<VersionQuery>,
) -> Result<Json<TaskFilesResponse>, ApiError> {
    let version = version(&db, &shared, &task_id, asked.version).await?;
    files::list(&db, store.as_ref(), Audience::Guests, (&task_id, Some(version)), &query).await.map(Json)
}

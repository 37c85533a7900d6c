//! `GET /tasks/{task_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::tasks::files;
use oddish_api_types::{ErrorBody, ListFilesQuery, TaskFilesResponse};
use serde::Deserialize;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};

/// Which version is meant.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// Number of the version; the newest without it.
    #[param(minimum = 1, maximum = 2_147_483_647)]
    pub(crate) version: Option<i32>,
}

/// Lists the files of a task, with a link to the archive that contains them.
#[utoipa::path(get, path = "/tasks/{task_id}/files", operation_id = "list_task_files", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"), ListFilesQuery, VersionQuery),
    responses((status = 200, body = TaskFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_task_files(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf(task_id): PathOf<String>,
    Query(query): Query<ListFilesQuery>,
    Query(VersionQuery { version }): Query<VersionQuery>,
) -> Result<Json<TaskFilesResponse>, ApiError> {
    let listed = files::list(&db, &artifacts, Caller::Member, (&task_id, version), &query).await;
    listed.map(Json).map_err(ApiError::in_query)
}

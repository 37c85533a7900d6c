//! `DELETE /tasks/{task_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{DeleteTaskResponse, DeletedTask, ErrorBody};
use oddish_db::deleting::{self, Target};
use time::OffsetDateTime;

use super::task_not_found;
use crate::auth::{Authed, Full};
use crate::deleting::{SUCCESS, keep};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db, Wake};

/// Deletes a task with all its versions and trials, whichever experiments these belong to, and everything that is stored of them.
///
/// What runs stops within seconds.
#[utoipa::path(delete, path = "/tasks/{task_id}", operation_id = "delete_task", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = DeleteTaskResponse), (status = 404, body = ErrorBody)))]
pub async fn delete_task(
    _: Authed<Full>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(wake): State<Wake>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<DeleteTaskResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    let deletion = deleting::begin(&db, Target::Task(&task_id), now).await?;
    let deletion = deletion.ok_or_else(|| task_not_found(&task_id))?;
    keep(deletion, &db, &store, now).await?;
    wake.dispatcher().await;
    Ok(Json(DeleteTaskResponse { status: SUCCESS.to_owned(), deleted: DeletedTask { task_id } }))
}

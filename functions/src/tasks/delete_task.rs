//! `DELETE /tasks/{task_id}`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{DeleteTaskResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Artifacts, Db, Wake};

/// Deletes a task with all its versions and trials and all that is stored of them.
///
/// This includes its trials in every experiment. Running trials stop within seconds.
#[utoipa::path(delete, path = "/tasks/{task_id}", operation_id = "delete_task", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = DeleteTaskResponse), (status = 404, body = ErrorBody)))]
pub async fn delete_task(
    _: Authed<Full>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(wake): State<Wake>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<DeleteTaskResponse>, ApiError> {
    Ok(Json(tasks::delete(&db, &artifacts, &wake, task_id, OffsetDateTime::now_utc()).await?))
}

//! `GET /tasks/{task_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskStatusResponse};
use oddish_db::{tasks, trials};

use super::present::{present_task, present_trials};
use super::task_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;

/// One task with its trials.
#[utoipa::path(get, path = "/tasks/{task_id}", operation_id = "get_task", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = TaskStatusResponse), (status = 404, body = ErrorBody)))]
pub async fn get_task(
    _: Authed<Read>,
    State(Db(pool)): State<Db>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<TaskStatusResponse>, ApiError> {
    let task = tasks::get(&pool, &task_id).await?.ok_or_else(|| task_not_found(&task_id))?;
    let trials = trials::list_of_tasks(&pool, &[task_id]).await?;
    Ok(Json(present_task(task, Some(present_trials(&pool, trials).await?))))
}

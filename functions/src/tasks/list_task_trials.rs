//! `GET /tasks/{task_id}/trials`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialResponse};
use oddish_db::tasks::{self, Counted};
use oddish_db::trials::{self, OfTask};

use super::task_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;
use oddish::tasks::present::present_trials;

/// Lists the trials of a task, of all its versions, by index.
#[utoipa::path(get, path = "/tasks/{task_id}/trials", operation_id = "list_task_trials", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = Vec<TrialResponse>), (status = 404, body = ErrorBody)))]
pub async fn list_task_trials(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<Vec<TrialResponse>>, ApiError> {
    if tasks::get(&db, &task_id, Counted::All).await?.is_none() {
        return Err(task_not_found(&task_id));
    }
    let trials = trials::list_of_tasks(&db, &[OfTask { task_id, version: None }], None).await?;
    Ok(Json(present_trials(&db, trials).await?))
}

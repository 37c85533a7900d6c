//! `GET /public/tasks/{task_id}/trials`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialResponse};
use oddish_db::trials::{self, OfTask};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;
use crate::tasks::task_not_found;
use oddish::tasks::present::present_trials_to_guests;

/// Lists the trials of a task in a shared experiment, of all versions, by index.
#[utoipa::path(get, path = "/public/tasks/{task_id}/trials", operation_id = "list_public_task_trials", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"), ShareToken, ShareTokenHeader),
    responses((status = 200, body = Vec<TrialResponse>), (status = 404, body = ErrorBody)))]
pub async fn list_public_task_trials(
    State(db): State<Db>,
    shared: Shared,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<Vec<TrialResponse>>, ApiError> {
    let of_task = OfTask { task_id: task_id.clone(), version: None };
    let trials = trials::list_of_tasks(&db, &[of_task], Some(&shared.experiment.id)).await?;
    if trials.is_empty() {
        return Err(task_not_found(&task_id));
    }
    Ok(Json(present_trials_to_guests(trials)))
}

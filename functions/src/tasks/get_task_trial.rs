//! `GET /tasks/{task_id}/trials/{index}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialResponse};
use oddish_domain::id;

use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;
use crate::trials::trial_not_found;
use oddish::tasks::present::present_trials;

/// One trial of a task, by its index.
#[utoipa::path(get, path = "/tasks/{task_id}/trials/{index}", operation_id = "get_task_trial", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"),
        ("index" = u32, Path, description = "Index of the trial, from 0", minimum = 0, maximum = 4_294_967_295_u32)),
    responses((status = 200, body = TrialResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_task_trial(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf((task_id, index)): PathOf<(String, u32)>,
) -> Result<Json<TrialResponse>, ApiError> {
    let trial_id = id::trial_id(&task_id, index);
    let trial = oddish_db::trials::get(&db, &trial_id).await?;
    let trials = present_trials(&db, trial.into_iter().collect()).await?;
    trials.into_iter().next().map(Json).ok_or_else(|| trial_not_found(&trial_id))
}

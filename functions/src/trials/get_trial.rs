//! `GET /trials/{trial_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialResponse};

use super::trial_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;
use oddish::tasks::present::present_trials;

/// One trial.
#[utoipa::path(get, path = "/trials/{trial_id}", operation_id = "get_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = TrialResponse), (status = 404, body = ErrorBody)))]
pub async fn get_trial(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<TrialResponse>, ApiError> {
    let trial = oddish_db::trials::get(&db, &trial_id).await?;
    let trials = present_trials(&db, trial.into_iter().collect()).await?;
    trials.into_iter().next().map(Json).ok_or_else(|| trial_not_found(&trial_id))
}

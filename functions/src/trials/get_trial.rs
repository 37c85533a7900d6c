//! `GET /trials/{trial_id}`.

use axum::Json;
use axum::extract::State;
use oddish::trials;
use oddish_api_types::{ErrorBody, TrialResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Returns a trial.
#[utoipa::path(get, path = "/trials/{trial_id}", operation_id = "get_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = TrialResponse), (status = 404, body = ErrorBody)))]
pub async fn get_trial(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<TrialResponse>, ApiError> {
    Ok(Json(trials::get(&db, &trial_id, OffsetDateTime::now_utc()).await?))
}

//! `GET /trials/{trial_id}/logs`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::trials::logs;
use oddish_api_types::{ErrorBody, LogQuery, TrialLogsResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};

/// Returns the log of a trial.
///
/// While the trial runs, this is what its newest attempt has written so far; then it is every log file of that attempt.
///
/// To follow a trial, begin with `offset=0&wait=20`, and go on with `attempt` and `next_offset` of each answer until one is `complete`. A
/// `newest_attempt` that is another says that the trial was tried again: its log is read with that number, from 0 on.
#[utoipa::path(get, path = "/trials/{trial_id}/logs", operation_id = "get_trial_logs", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial"), LogQuery),
    responses((status = 200, body = TrialLogsResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_trial_logs(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<TrialLogsResponse>, ApiError> {
    logs::get(&db, &artifacts, Caller::Member, &trial_id, &query).await.map(Json).map_err(ApiError::in_query)
}

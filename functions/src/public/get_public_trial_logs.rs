//! `GET /public/trials/{trial_id}/logs`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::trials::logs;
use oddish_api_types::{ErrorBody, LogQuery, TrialLogsResponse};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};

/// Returns the log of a trial in a shared experiment, or a part of it.
#[utoipa::path(get, path = "/public/trials/{trial_id}/logs", operation_id = "get_public_trial_logs", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), LogQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TrialLogsResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_trial_logs(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<TrialLogsResponse>, ApiError> {
    logs::get(&db, &artifacts, Caller::Guest(&shared), &trial_id, &query).await.map(Json).map_err(ApiError::in_query)
}

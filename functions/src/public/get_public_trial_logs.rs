//! `GET /public/trials/{trial_id}/logs`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialLogsResponse};

use super::{ShareToken, ShareTokenHeader, Shared, trial};
use crate::error::ApiError;
use crate::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};
use crate::trials::logs::{self, LogQuery};

/// The log of a trial of a shared experiment, or a part of it.
#[utoipa::path(get, path = "/public/trials/{trial_id}/logs", operation_id = "get_public_trial_logs", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), LogQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TrialLogsResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_trial_logs(
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    shared: Shared,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<TrialLogsResponse>, ApiError> {
    let trial = trial(&db, &shared, &trial_id).await?;
    logs::logs(&db, store.as_ref(), &trial.trial_id, &query).await.map(Json)
}

//! `GET /public/trials/{trial_id}/logs/structured`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, StructuredLogsResponse};

use super::{ShareToken, ShareTokenHeader, Shared, trial};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db};
use crate::trials::structured_log;

/// The log files that a trial of a shared experiment left, by what they are.
#[utoipa::path(get, path = "/public/trials/{trial_id}/logs/structured", operation_id = "get_public_trial_structured_logs", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), ShareToken, ShareTokenHeader),
    responses((status = 200, body = StructuredLogsResponse), (status = 404, body = ErrorBody)))]
pub async fn get_public_trial_structured_logs(
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    shared: Shared,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<StructuredLogsResponse>, ApiError> {
    let trial = trial(&db, &shared, &trial_id).await?;
    structured_log::structured(store.as_ref(), &trial).await.map(Json)
}

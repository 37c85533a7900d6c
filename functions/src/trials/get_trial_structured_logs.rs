//! `GET /trials/{trial_id}/logs/structured`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, StructuredLogsResponse};

use super::{find_artifacts, structured_log};
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db};

/// The log files that a trial left, by what they are.
#[utoipa::path(get, path = "/trials/{trial_id}/logs/structured", operation_id = "get_trial_structured_logs", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = StructuredLogsResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_trial_structured_logs(
    _: Authed<Read>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<StructuredLogsResponse>, ApiError> {
    structured_log::structured(store.as_ref(), &find_artifacts(&db, &trial_id).await?).await.map(Json)
}

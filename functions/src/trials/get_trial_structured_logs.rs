//! `GET /trials/{trial_id}/logs/structured`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::trials::structured_logs;
use oddish_api_types::{ErrorBody, StructuredLogsResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Artifacts, Db};

/// Returns the log files of a trial by category.
#[utoipa::path(get, path = "/trials/{trial_id}/logs/structured", operation_id = "get_trial_structured_logs", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = StructuredLogsResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_trial_structured_logs(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<StructuredLogsResponse>, ApiError> {
    Ok(Json(structured_logs::get(&db, &artifacts, Caller::Member, &trial_id).await?))
}

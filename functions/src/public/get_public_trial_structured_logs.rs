//! `GET /public/trials/{trial_id}/logs/structured`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::trials::structured_logs;
use oddish_api_types::{ErrorBody, StructuredLogsResponse};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Artifacts, Db};

/// Returns the log files of a trial in a shared experiment by category.
#[utoipa::path(get, path = "/public/trials/{trial_id}/logs/structured", operation_id = "get_public_trial_structured_logs", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), ShareToken, ShareTokenHeader),
    responses((status = 200, body = StructuredLogsResponse), (status = 404, body = ErrorBody)))]
pub async fn get_public_trial_structured_logs(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<StructuredLogsResponse>, ApiError> {
    Ok(Json(structured_logs::get(&db, &artifacts, Caller::Guest(&shared), &trial_id).await?))
}

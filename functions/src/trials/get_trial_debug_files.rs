//! `GET /trials/{trial_id}/debug-files`.

use axum::Json;
use axum::extract::State;
use oddish::trials::files;
use oddish_api_types::{ErrorBody, TrialDebugFilesResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Artifacts, Db};

/// Lists the stored files of all attempts of a trial, and where they are looked for.
#[utoipa::path(get, path = "/trials/{trial_id}/debug-files", operation_id = "get_trial_debug_files", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = TrialDebugFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_trial_debug_files(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<TrialDebugFilesResponse>, ApiError> {
    Ok(Json(files::list_all(&db, &artifacts, &trial_id).await?))
}

//! `GET /public/trials/{trial_id}/trajectory`.

use axum::extract::State;
use axum::response::Response;
use oddish::caller::Caller;
use oddish::trials::files;
use oddish_api_types::ErrorBody;

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::http::files::json;
use crate::state::{Artifacts, Db};

/// Returns the agent's trajectory of a trial in a shared experiment.
///
/// `null` if the agent left none.
#[utoipa::path(get, path = "/public/trials/{trial_id}/trajectory", operation_id = "get_public_trial_trajectory", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), ShareToken, ShareTokenHeader),
    responses((status = 200, description = "The trajectory, or null", content_type = "application/json"),
        (status = 404, body = ErrorBody), (status = 413, body = ErrorBody)))]
pub async fn get_public_trial_trajectory(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf(trial_id): PathOf<String>,
) -> Result<Response, ApiError> {
    Ok(json(files::get_trajectory(&db, &artifacts, Caller::Guest(&shared), &trial_id).await?))
}

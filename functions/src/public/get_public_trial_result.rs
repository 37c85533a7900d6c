//! `GET /public/trials/{trial_id}/result`.

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

/// Returns Harbor's `result.json` of a trial in a shared experiment, unchanged.
#[utoipa::path(get, path = "/public/trials/{trial_id}/result", operation_id = "get_public_trial_result", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), ShareToken, ShareTokenHeader),
    responses((status = 200, description = "Harbor's trial result", content_type = "application/json"),
        (status = 404, body = ErrorBody), (status = 413, body = ErrorBody)))]
pub async fn get_public_trial_result(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf(trial_id): PathOf<String>,
) -> Result<Response, ApiError> {
    Ok(json(Some(files::get_result(&db, &artifacts, Caller::Guest(&shared), &trial_id).await?)))
}

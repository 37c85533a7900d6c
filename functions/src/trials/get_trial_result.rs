//! `GET /trials/{trial_id}/result`.

use axum::extract::State;
use axum::response::Response;
use oddish::caller::Caller;
use oddish::trials::files;
use oddish_api_types::ErrorBody;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::http::files::json;
use crate::state::{Artifacts, Db};

/// Returns Harbor's `result.json` of a trial, unchanged.
///
/// A result that is too large for an answer is a 413 with a signed link.
#[utoipa::path(get, path = "/trials/{trial_id}/result", operation_id = "get_trial_result", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, description = "Harbor's trial result", content_type = "application/json"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_trial_result(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Response, ApiError> {
    Ok(json(Some(files::get_result(&db, &artifacts, Caller::Member, &trial_id).await?)))
}

//! `GET /public/trials/{trial_id}/files/{path}`.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use oddish_api_types::ErrorBody;

use super::{ShareToken, ShareTokenHeader, Shared, trial};
use crate::answer::AnswerBound;
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db};
use crate::trials::files;
use crate::trials::get_trial_file::RangeHeader;

/// One file that a trial of a shared experiment left, as an attachment, or a part of it.
#[utoipa::path(get, path = "/public/trials/{trial_id}/files/{*path}", operation_id = "get_public_trial_file", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), 
        ("path" = String, Path, description = "Path of the file"), RangeHeader, ShareToken, ShareTokenHeader),
    responses((status = 200, description = "The file", content_type = "*/*"),
        (status = 206, description = "The part of the file", content_type = "*/*"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 416, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_trial_file(
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    shared: Shared,
    bound: AnswerBound,
    PathOf((trial_id, path)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let trial = trial(&db, &shared, &trial_id).await?;
    files::read(&store, &trial, &path, &headers, bound).await
}

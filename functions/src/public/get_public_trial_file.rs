//! `GET /public/trials/{trial_id}/files/{path}`.

use axum::extract::State;
use axum::response::Response;
use oddish::caller::Caller;
use oddish::trials::files;
use oddish_api_types::ErrorBody;

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::answer::AnswerBound;
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::http::files::attachment;
use crate::http::range::RangeHeader;
use crate::state::{Artifacts, Db};

/// Returns a file of a trial in a shared experiment as an attachment, or a range of it.
#[utoipa::path(get, path = "/public/trials/{trial_id}/files/{*path}", operation_id = "get_public_trial_file", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"),
        ("path" = String, Path, description = "Path of the file"), RangeHeader, ShareToken, ShareTokenHeader),
    responses((status = 200, description = "The file", content_type = "*/*"),
        (status = 206, description = "The part of the file", content_type = "*/*"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 416, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_trial_file(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    bound: AnswerBound,
    PathOf((trial_id, path)): PathOf<(String, String)>,
    range: RangeHeader,
) -> Result<Response, ApiError> {
    let file = files::get(&db, &artifacts, Caller::Guest(&shared), &trial_id, &path).await?;
    attachment(file, &range, bound).await
}

//! `GET /trials/{trial_id}/files/{path}`.

use axum::extract::State;
use axum::response::Response;
use oddish::caller::Caller;
use oddish::trials::files;
use oddish_api_types::ErrorBody;

use crate::http::answer::AnswerBound;
use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::http::files::attachment;
use crate::http::range::RangeHeader;
use crate::state::{Artifacts, Db};

/// Returns a file of a trial as an attachment, or a range of it.
///
/// Looked for below the trial's prefix, then in its folder `agent`, then in any folder `agent` further down. Where this API runs on AWS
/// Lambda, an answer has 4 MB of a file at the most: a larger one is a 413 with a signed link to it, in the text and in the `Link` header.
#[utoipa::path(get, path = "/trials/{trial_id}/files/{*path}", operation_id = "get_trial_file", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial"), ("path" = String, Path, description = "Path of the file"), RangeHeader),
    responses((status = 200, description = "The file", content_type = "*/*"),
        (status = 206, description = "The part of the file", content_type = "*/*"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 416, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_trial_file(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    bound: AnswerBound,
    PathOf((trial_id, path)): PathOf<(String, String)>,
    range: RangeHeader,
) -> Result<Response, ApiError> {
    let file = files::get(&db, &artifacts, Caller::Member, &trial_id, &path).await?;
    attachment(file, &range, bound).await
}

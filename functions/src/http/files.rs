//! Answers with the content of files.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use oddish::answer::{ROOM, body_cost};
use oddish::trials::files::FoundFile;
use oddish::trials::media_type::ANYTHING;

use super::range::{Asked, RangeHeader};
use crate::http::answer::{AnswerBound, is_text};
use crate::http::error::ApiError;

/// A file, or the part of it that is asked for, as an attachment: what agents write must not run in the browser of who reads it.
pub(crate) async fn attachment(
    file: FoundFile,
    range: &RangeHeader,
    AnswerBound(bound): AnswerBound,
) -> Result<Response, ApiError> {
    let size = file.size;
    let (status, mut wanted) = match range.of(size) {
        Asked::Whole => (StatusCode::OK, 0..size),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Outside => return Ok(outside(size)),
    };
    if let Some(bound) = bound
        && wanted.end - wanted.start > bound
    {
        if status == StatusCode::OK {
            return Err(file.too_large("Ask for parts with Range.").await.into());
        }
        wanted.end = wanted.start + bound;
    }
    let length = wanted.end - wanted.start;
    let content_range = format!("bytes {}-{}/{size}", wanted.start, wanted.end.saturating_sub(1));
    let disposition = disposition(&file.name);
    let mut media_type = file.media_type;
    let body = if bound.is_some() {
        let bytes = file.read(wanted).await?;
        // A function's answer is text where its media type is, and would replace what is not, and take more room than base64.
        if is_text(media_type) && (str::from_utf8(&bytes).is_err() || body_cost(&bytes) > ROOM) {
            media_type = ANYTHING;
        }
        Body::from(bytes)
    } else {
        Body::from_stream(file.stream(wanted))
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(content_range)
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn outside(size: u64) -> Response {
    let text = format!("The range is outside the file, which has {size} bytes.");
    let mut response = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, text).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

fn disposition(name: &str) -> HeaderValue {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let value = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{name}"));
    value.unwrap_or(HeaderValue::from_static("attachment"))
}

/// A JSON text as it is; `null` where there is none.
pub(crate) fn json(text: Option<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.unwrap_or(Bytes::from_static(b"null"))).into_response()
}

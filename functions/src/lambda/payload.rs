//! What a function can answer at all: Lambda takes a JSON text of 6 MB, in which the body is a string (AWS, Lambda quotas). What is larger would
//! be a 502 of the gateway's, which tells nobody anything.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use oddish::answer::body_cost;

use crate::http::answer::is_text;
use crate::http::error::ApiError;

/// Bytes that a function may answer.
const QUOTA: usize = 6_291_556;
/// Bytes of that for what is around the body: status, headers, names.
const AROUND: usize = 64 << 10;

/// Answers 413 in place of what can't be handed over, and says how to ask for less.
pub(crate) async fn bound(request: Request, next: Next) -> Response {
    let (parts, body) = next.run(request).await.into_parts();
    let bytes = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::internal(&error).into_response(),
    };
    let is_text = !parts.headers.contains_key(header::CONTENT_ENCODING)
        && parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_text);
    let cost = if is_text { body_cost(&bytes) } else { bytes.len().div_ceil(3) * 4 };
    if cost <= QUOTA - AROUND {
        return Response::from_parts(parts, Body::from(bytes));
    }
    let way = if parts.headers.contains_key(header::CONTENT_ENCODING) {
        "Ask for less at once: page with `limit` and `cursor`, or leave trials out with `include_trials=false`."
    } else {
        "Send `Accept-Encoding: gzip`, or ask for less at once: page with `limit` and `cursor`, or leave trials out with \
         `include_trials=false`."
    };
    let text = format!("The answer would be {} MB, more than the 6 MB that a function can give. {way}", cost >> 20);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
}

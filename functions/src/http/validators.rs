//! Answers that the client has already are not sent again: `ETag` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1.2).

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hasher as _};

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use oddish::results::Versioned;
use serde::Serialize;

use crate::http::error::ApiError;

/// What is read again and again by whoever watches.
const WATCHED: [&str; 4] = ["/tasks", "/experiments", "/trials", "/public"];

/// Gives JSON that is read a tag of its content; a client that names the tag gets 304 and no body.
///
/// The tag is weak: the same content may come compressed or not. It is worked out from the answer, so that it can't go stale, and saves
/// the way and not the work.
pub(crate) async fn tag(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let watched = request.method() == Method::GET
        && WATCHED
            .iter()
            .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !watched || response.status() != StatusCode::OK || !is_whole_json(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::internal(&error).into_response(),
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let tag = weak_tag(&format!("{:016x}", hasher.finish()));
    let same = known.is_some_and(|known| names(&known, &tag));
    put(&mut parts.headers, &tag);
    if same {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// The tags of the answers that the client has.
#[derive(Debug)]
pub struct KnownTags(Option<HeaderValue>);

impl<S: Send + Sync> FromRequestParts<S> for KnownTags {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.headers.get(header::IF_NONE_MATCH).cloned()))
    }
}

impl KnownTags {
    /// Whether the client has the answer of this version.
    pub(crate) fn have(&self, version: &str) -> bool {
        self.0.as_ref().is_some_and(|known| names(known, &weak_tag(version)))
    }
}

/// An answer whose tag is the version of what it was made of, or 304 where the client has it: nothing was worked out for that.
pub(crate) fn versioned<T: Serialize>(versioned: Versioned<T>) -> Response {
    let mut response = match versioned.answer {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    put(response.headers_mut(), &weak_tag(&versioned.version));
    response
}

fn weak_tag(version: &str) -> String {
    format!("W/\"{version}\"")
}

/// Whether an answer is JSON that is in memory already; a file that is streamed is not to be gathered here.
fn is_whole_json(response: &Response) -> bool {
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    json && response.body().size_hint().exact().is_some()
        && !response.headers().contains_key(header::ETAG)
        && !response.headers().contains_key(header::CONTENT_DISPOSITION)
}

/// Weak comparison of each tag in a list, or `*`.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = known.to_str().unwrap_or_default();
    known.trim() == "*" || known.split(',').any(|one| opaque(one) == opaque(tag))
}

fn put(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    // What one caller may see is not another's, and a copy is only good if the server still says the same.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

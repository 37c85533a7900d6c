//! What surrounds every handler, on Lambda and on the local server alike.

use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tracing::Instrument;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::safe_headers;
use crate::http::slashes;
use crate::http::validators;

/// What the token of a shared experiment follows in a path.
const SHARED: &str = "/public/experiments/";
/// The header that names a request. One that the client sends is kept.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request's id at the most; a longer one is replaced.
const LONGEST_ID: usize = 128;

/// Gives every request an id that is in its answer and on its log lines, logs its outcome, turns a panic into a 500, answers unknown
/// paths and methods in the API's own form, saves what need not be sent (what the client has already, and what gzip can take out), and tells
/// browsers how to take an answer.
pub fn around(router: Router) -> Router {
    around_guarded(router, |app| app)
}

/// As [`around`], with a guard of the caller's that may refuse requests, and whose refusals are logged and sent like any other answer.
pub fn around_guarded(router: Router, guard: impl FnOnce(Router) -> Router) -> Router {
    let answering = router
        .fallback(slashes::unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(validators::tag));
    safe_headers::on(guard(answering))
        // As fast as it gets: most of what JSON can lose is gone by then, and whoever waits for a list waits for this too.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn(logged))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, RandomId))
        .layer(middleware::map_request(without_senseless_id))
}

/// Takes a request's id away that no log line could show.
async fn without_senseless_id(mut request: Request) -> Request {
    let sensible = |id: &HeaderValue| id.to_str().is_ok_and(|id| (1..=LONGEST_ID).contains(&id.len()));
    if request.headers().get(&REQUEST_ID).is_some_and(|id| !sensible(id)) {
        request.headers_mut().remove(&REQUEST_ID);
    }
    request
}

#[derive(Clone, Copy, Debug)]
struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _request: &http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&Uuid::new_v4().to_string()).ok().map(RequestId::new)
    }
}

/// A path as logs may have it: the token of a shared experiment is as good as a password.
fn without_token(path: &str) -> Cow<'_, str> {
    let Some(rest) = path.strip_prefix(SHARED) else { return Cow::Borrowed(path) };
    let behind = rest.split_once('/').map_or(String::new(), |(_, behind)| format!("/{behind}"));
    Cow::Owned(format!("{SHARED}...{behind}"))
}

async fn logged(
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let request_id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let named = |wanted: &str| parameters.iter().flatten().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let reads = request.method().is_safe();
    // On at every level: a line of the level `error` needs these fields too.
    let span = tracing::error_span!(
        "request",
        request_id,
        method = %request.method(),
        path = %without_token(request.uri().path()),
        trial_id = named("trial_id"),
        task_id = named("task_id"),
    );
    async move {
        let begun = std::time::Instant::now();
        let response = next.run(request).await;
        let status = response.status();
        let elapsed_ms = begun.elapsed().as_millis();
        // Clients that watch a task ask every second: that they read it is worth a line only to whoever looks for it.
        if reads && status.is_success() {
            tracing::debug!(status = status.as_u16(), elapsed_ms, "answered");
        } else {
            tracing::info!(status = status.as_u16(), elapsed_ms, "answered");
        }
        Ok(response)
    }
    .instrument(span)
    .await
}

async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer asks for")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    ApiError::internal(&Panicked(text.to_owned())).into_response()
}

#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {0}")]
struct Panicked(String);

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn broken() -> &'static str {
        panic!("with a secret in its text")
    }

    async fn answer(path: &str, method: &str) -> (StatusCode, Option<HeaderValue>, String) {
        let app = around(Router::new().route("/broken", get(broken)));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, parts.headers.get(&REQUEST_ID).cloned(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_500_with_a_request_id_and_without_its_text() {
        let (status, id, body) = answer("/broken", "GET").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(id.is_some());
        assert!(body.starts_with("{\"detail\":") && !body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_answered_in_json() {
        assert_eq!(answer("/nowhere", "GET").await.2, r#"{"detail":"Not Found"}"#);
        let (status, _, body) = answer("/broken", "PUT").await;
        assert_eq!((status, body.as_str()), (StatusCode::METHOD_NOT_ALLOWED, r#"{"detail":"Method Not Allowed"}"#));
    }
}

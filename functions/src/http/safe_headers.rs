//! What every answer tells a browser: to take it for nothing but what it says it is, and to show it inside no other page.

use axum::Router;
use axum::middleware;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// Nothing is loaded by what is no page, and nothing is shown within another one.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// The `Content-Security-Policy` of the documentation: a page of its own files.
pub(crate) const OWN_FILES: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// The headers, each for answers that do not have it already. Paths hold tokens of shared experiments, so that no page is told where its
/// visitor comes from.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, NO_PAGE),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers to every answer of `router`.
pub(crate) fn on(router: Router) -> Router {
    router.layer(middleware::map_response(add))
}

async fn add(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

//! A path that would be a route's but for a slash at its end: the client is sent there, as `FastAPI` does.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use matchit::Router;

use crate::endpoints::ENDPOINTS;
use crate::http::error::ApiError;
use crate::http::unread::drain;

/// The paths of all routes.
static PATHS: LazyLock<Router<()>> = LazyLock::new(|| {
    let mut paths = Router::new();
    for endpoint in ENDPOINTS.iter() {
        // Methods of one path are rows of their own; their path is there after the first.
        let _known = paths.insert(endpoint.path.as_str(), ());
    }
    paths
});

/// Answers a path that no route has: 307 where the same path without a slash at its end is a route's, else 404.
pub(crate) async fn unknown_path(request: Request) -> Response {
    let Some(location) = without_slash(request.uri()) else {
        return ApiError::not_found("Not Found").into_response();
    };
    drain(request.into_body()).await;
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
}

/// Where the path leads without slashes at its end, if that is a route, as seen from where the client is: a stage of API Gateway, or a
/// proxy, may have taken something off the beginning of the path that the client sent.
fn without_slash(uri: &Uri) -> Option<HeaderValue> {
    let path = uri.path();
    let bare = path.trim_end_matches('/');
    let slashes = path.len() - bare.len();
    if slashes == 0 || PATHS.at(bare).is_err() {
        return None;
    }
    let (_, last) = bare.rsplit_once('/')?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    HeaderValue::try_from(format!("{}{last}{query}", "../".repeat(slashes))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_ends_with_a_slash() {
        assert!(ENDPOINTS.iter().all(|endpoint| !endpoint.path.ends_with('/')), "it would have to be added, too");
    }

    #[test]
    fn a_slash_at_the_end_is_taken_off() {
        for (path, expected) in [
            ("/tasks/", Some("../tasks")),
            ("/tasks//", Some("../../tasks")),
            ("/tasks/?limit=2&cursor=a%2Fb", Some("../tasks?limit=2&cursor=a%2Fb")),
            ("/tasks/my-task-1a2b3c4d/", Some("../my-task-1a2b3c4d")),
            ("/tasks/a%20b/trials/", Some("../trials")),
            ("/tasks/upload/init/", Some("../init")),
            ("/trials/x-0/files/", Some("../files")),
            ("/docs/", Some("../docs")),
            ("/", None),
            ("//", None),
            ("/tasks", None),
            ("/nowhere/", None),
            ("/nowhere", None),
            ("//evil.example/", None),
            ("/tasks/a/b/c/", None),
        ] {
            let location = without_slash(&path.parse().unwrap());
            assert_eq!(location.as_ref().map(|location| location.to_str().unwrap()), expected, "{path}");
        }
    }
}

//! What the gateway's `$default` function answers.

use axum::body::Body;
use http::{Request, StatusCode};
use oddish_functions::endpoints::ENDPOINTS;
use oddish_functions::lambda::{self, not_found};
use tower::ServiceExt as _;

async fn answer(method: &str, path: &str) -> (StatusCode, String) {
    let app = lambda::whole(not_found::router());
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn an_unknown_path_is_answered_as_by_the_server() {
    for (method, path) in [("GET", "/nowhere"), ("POST", "/"), ("DELETE", "/tasks/a/b/c/d"), ("GET", "/nowhere/")] {
        assert_eq!(
            answer(method, path).await,
            (StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#.to_owned()),
            "{path}"
        );
    }
}

/// The gateway has no route for it either.
#[tokio::test]
async fn a_slash_too_many_is_a_redirect() {
    for (method, path) in [("GET", "/tasks/"), ("POST", "/tasks/sweep/"), ("PUT", "/trials/a-0/")] {
        assert_eq!(answer(method, path).await.0, StatusCode::TEMPORARY_REDIRECT, "{path}");
    }
}

#[tokio::test]
async fn a_known_path_with_another_method_is_a_405() {
    for route in ENDPOINTS.iter() {
        let path = route.path.replace("{*", "{").replace(['{', '}'], "");
        let (status, body) = answer("PUT", &path).await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::METHOD_NOT_ALLOWED, r#"{"detail":"Method Not Allowed"}"#),
            "{path}"
        );
    }
}

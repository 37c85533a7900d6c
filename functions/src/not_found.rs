//! What no route of the gateway takes: an unknown path, or a known one with another method.

use axum::Router;
use axum::routing::{MethodFilter, on};
use http::Method;

use crate::error::ApiError;
use crate::routes::ROUTES;
use crate::state::Nothing;

/// The gateway's `$default` route: 405 where the table has the path, 404 where it has not, as the local server answers.
pub fn router() -> Router<Nothing> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let method = Method::from_bytes(route.method.as_bytes()).ok();
        match method.and_then(|method| MethodFilter::try_from(method).ok()) {
            // The gateway gives such requests to the route's own function.
            Some(method) => router.route(route.path, on(method, async || ApiError::not_found("Not Found"))),
            None => router,
        }
    })
}

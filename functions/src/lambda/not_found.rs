//! The gateway's `$default` route: 404 for an unknown path, 405 for a known path with another method.

use axum::Router;
use axum::routing::{MethodFilter, on};

use crate::endpoints::ENDPOINTS;
use crate::http::error::ApiError;

/// Answers as the local server does. The gateway hands over requests that no endpoint's route takes.
pub fn router() -> Router {
    ENDPOINTS.iter().fold(Router::new(), |router, endpoint| match MethodFilter::try_from(endpoint.method.clone()) {
        // The gateway gives such requests to the endpoint's own function.
        Ok(method) => router.route(&endpoint.path, on(method, async || ApiError::not_found("Not Found"))),
        Err(_) => router,
    })
}

//! All endpoints in one router.

use axum::Router;

use crate::endpoints::ENDPOINTS;
use crate::http::layers;
use crate::state::Everything;

/// Every endpoint in one router, together with routes of the server's own.
pub fn router(state: &Everything, own: Router) -> Router {
    guarded_router(state, own, |app| app)
}

/// As [`router`], behind a guard of the server's own, which may refuse requests.
pub fn guarded_router(state: &Everything, own: Router, guard: impl FnOnce(Router) -> Router) -> Router {
    layers::around_guarded(all(state).merge(own), guard)
}

/// Every endpoint, with nothing around it.
pub(crate) fn all(state: &Everything) -> Router {
    ENDPOINTS.iter().fold(Router::new(), |router, endpoint| router.route(&endpoint.path, endpoint.serve(state)))
}

//! All endpoints in one router.

use axum::Router;

use crate::endpoints::ENDPOINTS;
use crate::http::layers;
use crate::state::Everything;

/// Every endpoint in one router, with routes of the server's own beside them.
pub fn router(state: &Everything, beside: Router) -> Router {
    guarded_router(state, beside, |app| app)
}

/// As [`router`], behind a guard of the server's own, which may refuse requests.
pub fn guarded_router(state: &Everything, beside: Router, guard: impl FnOnce(Router) -> Router) -> Router {
    layers::around_guarded(all(state).merge(beside), guard)
}

/// Every endpoint, with nothing around it.
pub(crate) fn all(state: &Everything) -> Router {
    ENDPOINTS.iter().fold(Router::new(), |router, endpoint| router.route(&endpoint.path, endpoint.serve(state)))
}

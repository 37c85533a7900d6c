//! All endpoints in one router, and in one `OpenAPI` document.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::extensions::Extensions;

use crate::endpoints::ENDPOINTS;
use crate::http::document;
use crate::http::layers;
use crate::state::Everything;

/// What the document says of a path whose last parameter may contain slashes: the parameter's name. `OpenAPI` has no word for it.
pub const TAKES_SLASHES: &str = "x-takes-slashes";

#[derive(OpenApi)]
#[openapi(info(
    title = "Oddish - Eval Scheduler API",
    description = "Runs trials of AI agents on Harbor tasks, within a concurrency limit for each model."
))]
struct Document;

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

/// The `OpenAPI` document of every endpoint.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    ENDPOINTS.iter().for_each(|endpoint| endpoint.describe(&mut document));
    let paths = std::mem::take(&mut document.paths.paths).into_iter().map(|(path, mut item)| {
        let Some((before, name)) = path.split_once("{*") else { return (path, item) };
        item.extensions = Some(Extensions::builder().add(TAKES_SLASHES, name.trim_end_matches('}')).build());
        (format!("{before}{{{name}"), item)
    });
    document.paths.paths = paths.collect();
    document::complete(&mut document);
    document
}

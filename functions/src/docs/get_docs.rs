//! `GET /docs`.

use axum::response::Redirect;

/// Returns this API as a page to read and try.
#[utoipa::path(get, path = "/docs", operation_id = "get_docs", tag = "service",
    responses((status = 303, description = "To the page")))]
pub async fn get_docs() -> Redirect {
    // From where the client is: a stage of API Gateway, or a proxy, may have taken something off the beginning of the path.
    Redirect::to("docs/index.html")
}

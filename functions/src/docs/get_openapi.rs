//! `GET /openapi.json`.

use axum::response::IntoResponse;
use http::header;

/// As it stands in `docs/`, where a test keeps it true: gathering it from the handlers would take longer than answering.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Returns this API as an `OpenAPI` document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1 document", content_type = "application/json")))]
pub async fn get_openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

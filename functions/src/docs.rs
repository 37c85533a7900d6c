//! `GET /openapi.json` and `GET /docs`.

use axum::response::{IntoResponse, Redirect, Response};
use http::header;
use oddish_api_types::ErrorBody;

use crate::error::ApiError;
use crate::extract::PathOf;
use crate::safe_headers;

/// As it stands in `docs/`, where a test keeps it true: gathered from the handlers, it would bring all of them into one function.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// The API as an `OpenAPI` document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1 document", content_type = "application/json")))]
pub async fn get_openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// The API as a page to read and try.
#[utoipa::path(get, path = "/docs", operation_id = "get_docs", tag = "service",
    responses((status = 303, description = "To the page")))]
pub async fn get_docs() -> Redirect {
    // From where the client is: a stage of API Gateway, or a proxy, may have taken something off the beginning of the path.
    Redirect::to("docs/index.html")
}

/// A file of that page. They come with the program: no other site is asked.
#[utoipa::path(get, path = "/docs/{file}", operation_id = "get_docs_file", tag = "service",
    params(("file" = String, Path, description = "Name of the file")),
    responses((status = 200, description = "The file"), (status = 404, body = ErrorBody)))]
pub async fn get_docs_file(PathOf(file): PathOf<String>) -> Result<Response, ApiError> {
    let config = std::sync::Arc::new(utoipa_swagger_ui::Config::from("../openapi.json"));
    match utoipa_swagger_ui::serve(&file, config) {
        Ok(Some(file)) => {
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, safe_headers::OWN_FILES.to_owned()),
            ];
            Ok((headers, file.bytes.into_owned()).into_response())
        }
        Ok(None) => Err(ApiError::not_found(format!("File {file} not found"))),
        Err(error) => Err(ApiError::internal(error.as_ref())),
    }
}

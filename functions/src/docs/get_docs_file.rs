//! `GET /docs/{file}`.

use axum::response::{IntoResponse, Response};
use http::header;
use oddish_api_types::ErrorBody;

use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::http::safe_headers;

/// Returns a file of the documentation page.
///
/// The files are part of the program; no other site is contacted.
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

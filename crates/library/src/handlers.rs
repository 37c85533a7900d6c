//! Calling the handlers of the API within this process.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, header};
use oddish_api_types::ErrorBody;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::Error;

/// Separates the parts of a form. No gzipped archive holds it by chance, and no name may.
const BOUNDARY: &str = "oddish-form-4f1c8b52a9d74e06";

/// Makes a request, and reads its answer.
pub(crate) async fn call<T: DeserializeOwned>(
    handlers: &Router,
    method: Method,
    path: &str,
    content_type: Option<&str>,
    body: Body,
) -> Result<T, Error> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().map_err(|_| refused(StatusCode::NOT_FOUND, format!("{path} is no path")))?;
    if let Some(content_type) = content_type.and_then(|text| text.parse().ok()) {
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    let answer = match handlers.clone().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX)
        .await
        .map_err(|error| refused(status, format!("the answer broke off: {error}")))?;
    if status.is_success() {
        return Ok(serde_json::from_slice(&body)?);
    }
    let detail = serde_json::from_slice::<ErrorBody>(&body)
        .map_or_else(|_| String::from_utf8_lossy(&body).into_owned(), |error| error.to_string());
    Err(refused(status, detail))
}

fn refused(status: StatusCode, detail: String) -> Error {
    Error::Refused { status, detail }
}

/// A segment of a path, whatever it holds.
pub(crate) fn segment(text: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

/// A form with one file, an archive named after the task: its content type and itself.
pub(crate) fn form(task_name: &str, archive: &[u8]) -> (String, Body) {
    // Quotes and line ends are escaped as HTML forms do it (WHATWG, multipart/form-data encoding), and stay escaped in the task's name.
    let name = task_name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}.tar.gz\"\r\n\
         Content-Type: application/gzip\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(archive);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), Body::from(body))
}

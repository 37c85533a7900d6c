//! The `Idempotency-Key` header. What is kept under a key is the services' concern ([`oddish::idempotency`]).

use http::{HeaderMap, HeaderName};
use oddish::idempotency::IdempotencyKey;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::http::error::ApiError;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of a key at the most.
const MAX_KEY: usize = 255;

/// The header, for the `OpenAPI` document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header in the OpenAPI document; `Repeatable` reads it")]
pub struct IdempotencyHeader {
    /// Makes the request safe to repeat: within 24 hours the same key with the same body gets the same answer, and nothing is done again.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// The header's value, checked.
pub(crate) fn header(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let visible = (1..=MAX_KEY).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    if !visible || values.next().is_some() {
        let rule = format!("Idempotency-Key must be one value of 1 to {MAX_KEY} visible ASCII characters");
        return Err(ApiError::value_error(vec![json!("header"), json!("Idempotency-Key")], rule));
    }
    Ok(Some(String::from_utf8_lossy(text).into_owned()))
}

/// The key of a request: what it asks for is its path and its body.
pub(crate) fn key(key: String, operation: &str, path: &str, body: &[u8]) -> IdempotencyKey {
    // A path has no NUL, so that no other path and body run together to the same bytes.
    let hash = Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize();
    let body_sha256 = hex::encode(hash);
    IdempotencyKey { operation: operation.to_owned(), key, body_sha256 }
}

//! How large a file's answer may be.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

/// How many bytes a file's answer may have, where there is a bound. Larger ones are streamed elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerBound(pub Option<u64>);

impl AnswerBound {
    /// In base64 that is 5.6 MB.
    pub const OF_A_FUNCTION: Self = Self(Some(4 << 20));
}

impl<S: Send + Sync> FromRequestParts<S> for AnswerBound {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

/// What is sure to be handed over as text; anything else may go in base64.
pub(crate) fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/") || content_type.starts_with("application/json")
}

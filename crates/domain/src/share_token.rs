//! Share tokens, which open a shared experiment for reading (docs/compatibility.md, 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random::random_bytes;

/// Characters of a token.
pub const LENGTH: usize = 43;

/// Draws one: 256 random bits in URL-safe base64.
pub fn draw() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// Whether a text has the form of one.
pub fn is_one(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_no_other_and_fits_into_a_url() {
        let token = draw();
        assert!(is_one(&token), "{token}");
        assert_ne!(token, draw());
        for other in ["", &token[1..], &format!("{token}a"), &token.replacen(&token[..1], "/", 1)] {
            assert!(!is_one(other), "{other}");
        }
    }
}

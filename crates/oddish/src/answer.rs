//! What fits into an answer.
//!
//! A function's answer is a JSON text of at most 6 MB (AWS, Lambda quotas), in which the answer's own body is a string: JSON in it is escaped
//! a second time, and what is no text is in base64. JSON answers keep to that everywhere, so that one server behaves like the other.

use std::time::Duration;

use oddish_artifacts::{ArtifactStore, Key, StoreError};

use crate::Error;

/// What the body of a JSON answer may take in a function's answer, in bytes.
pub const ROOM: usize = 5 << 20;

/// How long signed links work (docs/compatibility.md, 3.9).
pub(crate) const SIGNED_FOR: Duration = Duration::from_mins(15);

/// What a character of a text in a JSON answer takes in a function's answer, in bytes.
fn cost(character: char) -> usize {
    match character {
        '"' | '\\' => 4,
        '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 3,
        '\0'..='\u{1f}' => 7,
        _ => character.len_utf8(),
    }
}

/// What a text in a JSON answer takes in a function's answer, in bytes.
pub(crate) fn text_cost(text: &str) -> usize {
    text.chars().map(cost).sum()
}

/// What a body that is text takes in a function's answer, in bytes.
pub fn body_cost(body: &[u8]) -> usize {
    let cost = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    body.iter().map(cost).sum()
}

/// Text made of bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// How many bytes it was made of.
    pub(crate) bytes: usize,
    /// What it takes in a function's answer.
    pub(crate) cost: usize,
    /// Whether there was no room for more.
    pub(crate) is_full: bool,
}

/// Bytes as text, as far as there is room; what is not UTF-8 is replaced. A character that is cut at the end is left for the next time,
/// unless the bytes are the last.
pub(crate) fn decode(bytes: &[u8], room: usize, are_the_last: bool) -> Decoded {
    let mut decoded = Decoded { text: String::new(), bytes: 0, cost: 0, is_full: false };
    let replacement = char::REPLACEMENT_CHARACTER;
    for chunk in bytes.utf8_chunks() {
        let invalid = chunk.invalid();
        let valid = chunk.valid().chars().map(|character| (character, character.len_utf8()));
        for (character, length) in valid.chain((!invalid.is_empty()).then_some((replacement, invalid.len()))) {
            let is_cut = character == replacement
                && decoded.bytes + length == bytes.len()
                && str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            decoded.is_full = decoded.cost + cost(character) > room;
            if decoded.is_full || (is_cut && !are_the_last) {
                return decoded;
            }
            decoded.text.push(character);
            decoded.bytes += length;
            decoded.cost += cost(character);
        }
    }
    decoded
}

/// A link to an object that works for [`SIGNED_FOR`]; none where the store gives none.
pub(crate) async fn signed(store: &dyn ArtifactStore, key: &Key) -> Result<Option<String>, StoreError> {
    match store.presign_get(key, SIGNED_FOR).await {
        Ok(signed) => Ok(Some(signed.url)),
        Err(StoreError::NoSigning) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The error for content of an object that is too large for an answer, with a link to the object where there is one.
pub(crate) async fn too_large(store: &dyn ArtifactStore, key: &Key, what: &str) -> Error {
    match signed(store, key).await {
        Ok(Some(url)) => {
            Error::TooLarge { text: format!("{what} Fetch it within 15 minutes from {url}"), link: Some(url) }
        }
        Ok(None) => Error::too_large(format!(
            "{what} This deployment gives no links: it needs S3, or ODDISH_SECRET_KEY and ODDISH_PUBLIC_URL."
        )),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_character_costs_what_it_takes_when_it_is_escaped_twice() {
        for character in (0..0x3000).filter_map(char::from_u32) {
            let text = character.to_string();
            let body = json!(text).to_string();
            assert_eq!(text_cost(&text), json!(body).to_string().len() - r#""\"\"""#.len(), "{character:?}");
        }
        let all: String = (0..0x80).filter_map(char::from_u32).collect();
        assert_eq!(
            body_cost(all.as_bytes()),
            json!(all).to_string().len() + 2 * 3 - 2 + 2,
            "\\b and \\f count as long escapes"
        );
    }

    #[test]
    fn a_cut_character_waits_for_its_rest() {
        let euro = "a€".as_bytes();
        let decoded = |bytes: &[u8], are_the_last| {
            let Decoded { text, bytes, .. } = decode(bytes, 100, are_the_last);
            (text, bytes)
        };
        assert_eq!(decoded(&euro[..3], false), ("a".to_owned(), 1));
        assert_eq!(decoded(&euro[..3], true), ("a\u{fffd}".to_owned(), 3));
        assert_eq!(decoded(euro, false), ("a€".to_owned(), 4));
        assert_eq!(decoded(b"\xff\xfe", false), ("\u{fffd}\u{fffd}".to_owned(), 2), "these begin no character");
        assert_eq!(decoded("\u{fffd}".as_bytes(), false), ("\u{fffd}".to_owned(), 3), "one that was there");
    }

    #[test]
    fn decoding_ends_where_the_room_does() {
        let decoded = decode(b"ab\n\x01c", 2 + 3 + 6, true);
        assert_eq!((decoded.text.as_str(), decoded.bytes, decoded.cost, decoded.is_full), ("ab\n", 3, 5, true));
        assert!(!decode(b"ab\n\x01c", 2 + 3 + 7 + 1, true).is_full);
    }
}

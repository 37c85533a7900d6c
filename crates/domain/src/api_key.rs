//! API keys: their form, and what each scope allows (docs/compatibility.md, 1.2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::id::hex;
use crate::random::random_bytes;

/// What every key begins with.
pub const PREFIX: &str = "ok_";
/// Characters of a key that may be shown: its prefix and the first eight digits.
const SHOWN: usize = PREFIX.len() + 8;
/// Fewest hexadecimal digits of a key (docs/compatibility.md, 1.2).
const MIN_DIGITS: usize = 32;
/// Most days that a key may last, where it is to end at all: ten years.
pub const MAX_DAYS: u32 = 3650;
/// Characters of an unknown scope that are told back.
const TOLD_BACK: usize = 40;

/// What a key allows. Each scope includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = "tasks"))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything.
    Read,
    /// Upload, submit, cancel and run again.
    Tasks,
    /// Delete, share, look after queues and keys.
    Full,
}

impl Scope {
    /// The scopes, from the least.
    pub const ALL: [Self; 3] = [Self::Read, Self::Tasks, Self::Full];

    /// Its name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Tasks => "tasks",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.chars().take(TOLD_BACK).collect()))
    }
}

/// No scope has this name. Published clients know the text (docs/compatibility.md, 1.14).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid scope: {0}. Must be one of: full, tasks, read")]
pub struct UnknownScope(String);

/// A key, just made. Its text is shown once; its hash is what is kept.
pub struct GeneratedKey {
    /// The whole key.
    pub text: String,
    /// Its first characters, by which a person recognises it.
    pub prefix: String,
    /// What is stored of it.
    pub sha256: String,
}

impl GeneratedKey {
    /// Draws a key of 128 random bits.
    pub fn draw() -> Self {
        let text = format!("{PREFIX}{}", hex(&random_bytes::<16>()));
        Self::of(text)
    }

    /// A key that was drawn before, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_key = digits.len() >= MIN_DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_key.then(|| Self::of(text.to_owned()))
    }

    fn of(text: String) -> Self {
        Self { prefix: text.chars().take(SHOWN).collect(), sha256: sha256(&text), text }
    }
}

/// The stored hash of a key: with 128 random bits in it, one round of SHA-256 is as good as many (docs/compatibility.md, 1.2).
pub fn sha256(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_form_that_clients_know() {
        let key = GeneratedKey::draw();
        let digits = key.text.strip_prefix("ok_").unwrap();
        assert!(
            digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{}",
            key.text
        );
        assert_eq!(key.prefix, key.text[..11]);
        assert_eq!(key.sha256, sha256(&key.text));
        assert_ne!(key.text, GeneratedKey::draw().text);
    }

    #[test]
    fn only_a_key_is_read_as_one() {
        let key = GeneratedKey::draw();
        let again = GeneratedKey::parse(&key.text).unwrap();
        assert_eq!((again.text, again.prefix, again.sha256), (key.text.clone(), key.prefix, key.sha256));
        for text in ["", "ok_", "ok_0123", &key.text.to_uppercase(), &format!("{}\n", key.text), &key.text[3..]] {
            assert!(GeneratedKey::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn scopes_include_those_before_them() {
        assert!(Scope::Read < Scope::Tasks && Scope::Tasks < Scope::Full);
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        let error = "admin".parse::<Scope>().unwrap_err();
        assert_eq!(error.to_string(), "Invalid scope: admin. Must be one of: full, tasks, read");
    }
}

//! URLs to the objects of a folder, signed with HMAC-SHA256 and checked by their server.
//!
//! A URL is `{base_url}/artifacts/{key}?expires={time}&size={bytes}&signature={hex}`: the key percent-encoded, the time in
//! seconds since 1970, the size only where the body's length is fixed. The signature covers the method, the key, the
//! size and the time, so that none of them can be changed. These URLs keep the promises of S3's presigned ones, except
//! that the media type of an upload is free: a folder keeps none.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::key::Key;
use crate::store::{SignedUrl, StoreError, UPLOAD_CONTENT_TYPE, check_lifetime};

/// What stays as it is in a URL's path: the unreserved characters of RFC 3986, and the slashes of a key.
pub(crate) const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Keeps what is signed here apart from what the same secret may sign elsewhere.
const PURPOSE: &[u8] = b"oddish artifact url 1\n";

/// The secret that signs URLs and checks them. Its `Debug` does not show it.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// A key from a secret of any length, which must be hard to guess: 32 random bytes or more.
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(PURPOSE).chain_update(secret).finalize().into())
    }

    /// A new random key. URLs that it signs are good for as long as the process lives.
    ///
    /// # Panics
    /// Where the operating system has no random bytes to give.
    #[expect(
        clippy::expect_used,
        reason = "the source fails only on a broken machine, and a key that can be guessed would be worse than a stop"
    )]
    pub fn generate() -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the operating system's random source must work");
        Self(secret)
    }

    fn mac(&self, method: Method, key: &Key, size: Option<u64>, expires: u64) -> Hmac<Sha256> {
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let size = size.map(|size| size.to_string()).unwrap_or_default();
        // A key holds no line break, so no two requests give the same text.
        let text = format!("{}\n{key}\n{size}\n{expires}", method.name());
        Hmac::<Sha256>::new(&block.into()).chain_update(PURPOSE).chain_update(text)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Put,
}

impl Method {
    const ALL: [Self; 2] = [Self::Get, Self::Put];

    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
        }
    }
}

/// Signs the URLs of one server.
#[derive(Debug)]
pub(crate) struct UrlSigner {
    key: SigningKey,
    base_url: String,
}

impl UrlSigner {
    pub(crate) fn new(key: SigningKey, base_url: impl Into<String>) -> Self {
        let mut base_url = base_url.into();
        base_url.truncate(base_url.trim_end_matches('/').len());
        Self { key, base_url }
    }

    pub(crate) fn sign(
        &self,
        method: Method,
        key: &Key,
        expires_in: Duration,
        size: Option<u64>,
    ) -> Result<SignedUrl, StoreError> {
        let expires = seconds(SystemTime::now() + check_lifetime(expires_in)?);
        let signature = hex::encode(self.key.mac(method, key, size, expires).finalize().into_bytes());
        let path = utf8_percent_encode(key.as_str(), PATH);
        let size = size.map(|size| format!("&size={size}")).unwrap_or_default();
        let url = format!("{}/artifacts/{path}?expires={expires}{size}&signature={signature}", self.base_url);
        let headers = match method {
            Method::Get => BTreeMap::new(),
            Method::Put => BTreeMap::from([("Content-Type".to_owned(), UPLOAD_CONTENT_TYPE.to_owned())]),
        };
        Ok(SignedUrl { url, method: method.name(), headers })
    }
}

/// The query of a signed URL as it came back.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct SignedQuery {
    /// Until when the URL is good, in seconds since 1970.
    pub expires: u64,
    /// Exact length of the body in bytes, where it was fixed.
    #[serde(default)]
    pub size: Option<u64>,
    /// HMAC-SHA256 in hexadecimal.
    pub signature: String,
}

/// Leaves out the signature.
impl fmt::Debug for SignedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedQuery").field("expires", &self.expires).field("size", &self.size).finish_non_exhaustive()
    }
}

/// A request that its URL allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Exact length of the body in bytes, where it was fixed. Without it the server's own limit holds.
    pub size: Option<u64>,
}

/// Why a request with a signed URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Path, size, time or signature are not as they were signed.
    #[error("the signature does not fit this URL: use it exactly as it was given")]
    Tampered,
    /// The URL is good, but for the other method.
    #[error("this URL is good for {allowed} only")]
    WrongMethod {
        /// The method that was signed.
        allowed: &'static str,
    },
    /// The time is over.
    #[error("this URL has expired: ask for a new one")]
    Expired,
    /// The body is longer than what was announced.
    #[error("the body has {given} bytes where {allowed} were announced")]
    TooLong {
        /// Announced length in bytes.
        allowed: u64,
        /// Length of the body in bytes.
        given: u64,
    },
    /// The body is shorter than what was announced.
    #[error("the body has only {given} bytes where {announced} were announced")]
    TooShort {
        /// Announced length in bytes.
        announced: u64,
        /// Length of the body in bytes.
        given: u64,
    },
    /// The length was fixed, and the request does not tell its own.
    #[error("the request needs a Content-Length header: its length was announced")]
    NoLength,
}

/// Checks a request against its signed URL: `method` and `key` from the request line, `content_length` from its header.
///
/// Nothing is told of an altered URL but that it is one, and the signature is compared in constant time.
pub fn verify(
    signing_key: &SigningKey,
    method: &str,
    key: &Key,
    query: &SignedQuery,
    content_length: Option<u64>,
    now: SystemTime,
) -> Result<Verified, Refused> {
    let signature = hex::decode(&query.signature).map_err(|_| Refused::Tampered)?;
    let signed_for = Method::ALL
        .into_iter()
        .find(|method| signing_key.mac(*method, key, query.size, query.expires).verify_slice(&signature).is_ok())
        .ok_or(Refused::Tampered)?;
    if signed_for.name() != method {
        return Err(Refused::WrongMethod { allowed: signed_for.name() });
    }
    if seconds(now) > query.expires {
        return Err(Refused::Expired);
    }
    match (query.size, content_length) {
        (Some(_), None) => Err(Refused::NoLength),
        (Some(allowed), Some(given)) if given > allowed => Err(Refused::TooLong { allowed, given }),
        (Some(announced), Some(given)) if given < announced => Err(Refused::TooShort { announced, given }),
        (size, _) => Ok(Verified { size }),
    }
}

/// Whole seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

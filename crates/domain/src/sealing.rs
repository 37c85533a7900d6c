//! Seals secrets before they are stored, with a key that the database doesn't hold.
//!
//! A value is sealed with XChaCha20-Poly1305 under a key that is derived from the deployment's secret
//! (`ODDISH_SECRET_KEY`) and a random nonce, for one task and one variable: moved to another place it can't be
//! unsealed. The text form is `v1:` and the base64 of nonce, ciphertext and tag.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;

use crate::agent_env::AgentEnv;
use crate::random::random_bytes;
use crate::settings::{Setting, Value};

/// The deployment's secret.
pub const SECRET_KEY: Setting<Option<SecretKey>> = Setting::optional("ODDISH_SECRET_KEY").secret().doc(
    "Secret that seals agents' environment variables in the database and signs the folder's upload URLs: 32 random \
     characters or more, the same for the API and all runners. Unset: oddish-server makes one and keeps it in the \
     file secret-key in ODDISH_HOME.",
);
/// Fewest characters of that secret: a shorter one could be guessed.
const MIN_SECRET: usize = 32;

/// Keeps this key apart from what else is derived from the same secret.
const PURPOSE: &[u8] = b"oddish agent env 1";
/// What is hashed with the secret as the key.
const FINGERPRINT: &[u8] = b"oddish secret fingerprint 1";
const FINGERPRINT_BYTES: usize = 16;
const VERSION: &str = "v1:";
const NONCE_BYTES: usize = 24;

/// The deployment's secret, from which its keys are derived. Its `Debug` does not show it.
#[derive(Clone)]
pub struct SecretKey(String);

/// A secret that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must have at least {MIN_SECRET} characters")]
pub struct ShortSecret;

impl SecretKey {
    /// Takes a text that is long enough; space around it doesn't count.
    pub fn parse(text: &str) -> Result<Self, ShortSecret> {
        let text = text.trim();
        if text.len() < MIN_SECRET { Err(ShortSecret) } else { Ok(Self(text.to_owned())) }
    }

    /// A new random one.
    pub fn generate() -> Self {
        Self(STANDARD.encode(random_bytes::<32>()))
    }

    /// What tells it from another one, and nothing more: a keyed hash.
    pub fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        let hash = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).map(|mac| mac.chain_update(FINGERPRINT));
        // A key of any length will do.
        let hash = hash.map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        std::array::from_fn(|index| hash[index])
    }

    /// The secret itself, for those who derive keys from it or hand it on.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Value for SecretKey {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|short| short.to_string())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// The key that seals and unseals. Its `Debug` does not show it.
#[derive(Clone)]
pub struct SealingKey([u8; 32]);

/// A stored variable that can't be unsealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the stored environment variable {name} cannot be unsealed: it was sealed with another {SECRET_KEY}, or altered since; \
     give the API and all runners the same one, then submit again"
)]
pub struct CannotUnseal {
    /// Name of the variable.
    pub name: String,
}

impl SealingKey {
    /// The key of a deployment.
    pub fn of(secret: &SecretKey) -> Self {
        // HKDF's extraction (RFC 5869), with the purpose as its salt.
        let mut salt = [0; 64];
        salt[..PURPOSE.len()].copy_from_slice(PURPOSE);
        Self(Hmac::<Sha256>::new(&salt.into()).chain_update(secret.expose()).finalize().into_bytes().into())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }

    #[expect(clippy::expect_used, reason = "the cipher takes 256 GiB, and variables are bounded")]
    fn seal(&self, place: &str, text: &str) -> String {
        // So long a nonce can be random: no two are ever the same.
        let nonce = random_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).expect("a short text can be sealed");
        format!("{VERSION}{}", STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn unseal(&self, place: &str, sealed: &str) -> Option<String> {
        let bytes = STANDARD.decode(sealed.strip_prefix(VERSION)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        String::from_utf8(self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// An agent's environment variables as they are stored: names in clear, values sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedEnv(BTreeMap<String, String>);

impl SealedEnv {
    /// Seals the variables of a task's trials.
    pub fn seal(key: &SealingKey, task_id: &str, env: &AgentEnv) -> Self {
        Self(env.iter().map(|(name, value)| (name.to_owned(), key.seal(&place(task_id, name), value))).collect())
    }

    /// The variables in clear, for a trial of the task that they were sealed for.
    pub fn unseal(&self, key: &SealingKey, task_id: &str) -> Result<AgentEnv, CannotUnseal> {
        let mut env = AgentEnv::default();
        for (name, sealed) in &self.0 {
            let cannot = || CannotUnseal { name: name.clone() };
            let value = key.unseal(&place(task_id, name), sealed).ok_or_else(cannot)?;
            env.set(name, value).map_err(|_| cannot())?;
        }
        Ok(env)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a value belongs. Neither part holds a line break, so that no two places give the same text.
fn place(task_id: &str, name: &str) -> String {
    format!("{task_id}\n{name}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn key(letter: &str) -> SealingKey {
        SealingKey::of(&SecretKey::parse(&letter.repeat(32)).unwrap())
    }

    fn env(variables: &[(&str, &str)]) -> AgentEnv {
        let mut env = AgentEnv::default();
        for (name, value) in variables {
            env.set(*name, *value).unwrap();
        }
        env
    }

    #[test]
    fn what_is_sealed_comes_back() {
        let clear = env(&[("A", ""), ("B", "s3cret \u{e4}\n"), ("C", &"x".repeat(10_000))]);
        let sealed = SealedEnv::seal(&key("k"), "t-1", &clear);
        let stored = serde_json::to_string(&sealed).unwrap();
        assert!(!stored.contains("s3cret") && !stored.contains("xxxx"), "{stored}");
        let read: SealedEnv = serde_json::from_str(&stored).unwrap();
        assert_eq!(read.unseal(&key("k"), "t-1"), Ok(clear));
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart_and_stays() {
        let of = |letter: &str| SecretKey::parse(&letter.repeat(32)).unwrap().fingerprint();
        let fingerprint = |letter| format!("{:032x}", u128::from_be_bytes(of(letter)));
        assert_eq!(fingerprint("k"), "5c883988bbaa885ac774587892d66bb7", "databases hold it: it must not change");
        assert_ne!(fingerprint("k"), fingerprint("l"));
    }

    #[test]
    fn the_same_value_is_never_sealed_alike() {
        let clear = env(&[("A", "s3cret"), ("B", "s3cret")]);
        let seal = || SealedEnv::seal(&key("k"), "t-1", &clear).0.into_values();
        let different: std::collections::BTreeSet<String> = seal().chain(seal()).collect();
        assert_eq!(different.len(), 4);
    }

    #[test]
    fn another_key_task_or_name_is_refused() {
        let sealed = SealedEnv::seal(&key("k"), "t-1", &env(&[("A", "s3cret")]));
        let refused = Err(CannotUnseal { name: "A".to_owned() });
        assert_eq!(sealed.unseal(&key("l"), "t-1"), refused);
        assert_eq!(sealed.unseal(&key("k"), "t-2"), refused);
        let renamed = SealedEnv([("B".to_owned(), sealed.0["A"].clone())].into());
        assert_eq!(renamed.unseal(&key("k"), "t-1"), Err(CannotUnseal { name: "B".to_owned() }));
        assert!(sealed.unseal(&key("k"), "t-1").is_ok());
    }

    #[test]
    fn a_single_altered_byte_is_refused() {
        let sealed = SealedEnv::seal(&key("k"), "t-1", &env(&[("A", "s3cret")]));
        let bytes = STANDARD.decode(&sealed.0["A"][VERSION.len()..]).unwrap();
        for place in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[place] ^= 1;
            let altered = SealedEnv([("A".to_owned(), format!("{VERSION}{}", STANDARD.encode(altered)))].into());
            assert!(altered.unseal(&key("k"), "t-1").is_err(), "byte {place}");
        }
    }

    #[rstest]
    #[case("")]
    #[case("s3cret")]
    #[case("v1:")]
    #[case("v1:AAAA")]
    #[case("v2:AAAA")]
    #[case("v1:%%%%")]
    fn other_texts_are_refused(#[case] stored: &str) {
        let stored = SealedEnv([("A".to_owned(), stored.to_owned())].into());
        assert!(stored.unseal(&key("k"), "t-1").is_err());
    }

    #[test]
    fn secrets_are_long_and_not_shown() {
        assert_eq!(SecretKey::parse(&" s".repeat(16)).map(|_| ()), Err(ShortSecret));
        let (one, other) = (SecretKey::generate(), SecretKey::generate());
        assert!(SecretKey::parse(one.expose()).is_ok());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(format!("{one:?} {:?}", SealingKey::of(&one)), "SecretKey(..) SealingKey(..)");
    }
}

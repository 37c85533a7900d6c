//! The first API key of a deployment, which nobody could make through the API.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, SdkError};
use oddish::{Db, Error, api_keys};
use oddish_api_types::CreateApiKeyRequest;
use oddish_domain::api_key::{GeneratedKey, Scope};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// What it is called. A deployment that has a key of this name, revoked or not, gets no other.
pub const FIRST_KEY_NAME: &str = "first key";
const OWNER: &str = "administrator";

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstKey {
    /// It was made, and is in the secret.
    Made,
    /// There was one before.
    Kept,
    /// No secret is configured for it.
    NotWanted,
}

/// There is no first API key.
#[derive(Debug, thiserror::Error)]
pub enum FirstKeyError {
    /// Secrets Manager did not do it.
    #[error("the first API key could not be {doing} the secret {secret}: {cause}")]
    Secret {
        /// What was to be done: kept in, or read from.
        doing: &'static str,
        /// ARN of the secret.
        secret: String,
        /// The service's own words.
        cause: String,
    },
    /// Somebody else's text is in the secret.
    #[error("the secret {0} holds something else than an API key: empty it, or delete it and deploy again")]
    NoKey(String),
    /// The database did not do it.
    #[error(transparent)]
    Service(#[from] Error),
}

/// Makes the key, unless there is one.
///
/// It is in the secret before it is in the database, and what the secret holds is used again: whenever this is cut off, doing it once
/// more ends with one key, the one in the secret.
pub(super) async fn ensure(db: &Db, secrets: &Client, secret: &str) -> Result<FirstKey, FirstKeyError> {
    let now = OffsetDateTime::now_utc();
    if api_keys::list(db, now).await?.iter().any(|key| key.name == FIRST_KEY_NAME) {
        return Ok(FirstKey::Kept);
    }
    let key = match stored(secrets, secret).await? {
        Some(key) => key,
        None => store(secrets, secret).await?,
    };
    let request = CreateApiKeyRequest {
        name: FIRST_KEY_NAME.to_owned(),
        owner: Some(OWNER.to_owned()),
        scope: Some(Scope::Full.to_string()),
        expires_in_days: None,
    };
    match api_keys::draft(db, key, &request, None, now).await {
        Ok(draft) => Ok(draft.keep().await.map(|_| FirstKey::Made)?),
        // Another invocation took the same key from the secret, and was quicker.
        Err(Error::Conflict(_)) => Ok(FirstKey::Kept),
        Err(error) => Err(error.into()),
    }
}

/// The key that the secret holds, if it holds anything.
async fn stored(secrets: &Client, secret: &str) -> Result<Option<GeneratedKey>, FirstKeyError> {
    let found = match secrets.get_secret_value().secret_id(secret).send().await {
        Ok(found) => found,
        // A secret that was made without a value.
        Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => return Ok(None),
        Err(error) => return Err(failed("read from", secret, error)),
    };
    let key = found.secret_string().and_then(|text| GeneratedKey::parse(text.trim()));
    key.map(Some).ok_or_else(|| FirstKeyError::NoKey(secret.to_owned()))
}

/// A new key, kept in the secret; or the one of another invocation that was quicker.
async fn store(secrets: &Client, secret: &str) -> Result<GeneratedKey, FirstKeyError> {
    let key = GeneratedKey::draw();
    let put = secrets.put_secret_value().secret_id(secret).secret_string(&key.text);
    match put.client_request_token(only_version_of(secret)).send().await {
        Ok(_) => Ok(key),
        Err(SdkError::ServiceError(error)) if error.err().is_resource_exists_exception() => {
            stored(secrets, secret).await?.ok_or_else(|| FirstKeyError::NoKey(secret.to_owned()))
        }
        Err(error) => Err(failed("kept in", secret, error)),
    }
}

/// The id of the version that holds the key: always the same, since Secrets Manager refuses to give a version another value.
fn only_version_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

fn failed(doing: &'static str, secret: &str, error: impl std::error::Error) -> FirstKeyError {
    let cause = DisplayErrorContext(error).to_string();
    FirstKeyError::Secret { doing, secret: secret.to_owned(), cause }
}

//! Keys of the API: who may call, and making, listing and revoking keys.

use oddish_api_types::{ApiKeyResponse, CreateApiKeyRequest, CreatedApiKeyResponse, RevokeApiKeyResponse};
use oddish_db::api_keys::{self, ApiKey, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_db::{Db, DbError};
use oddish_domain::api_key::{GeneratedKey, MAX_DAYS, Scope, UnknownScope};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{Error, fields};

/// The constraint by which the database refuses a key that it has.
const SAME_KEY: &str = "api_keys_sha256_key";

/// Whom a key lets in.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Whom the key belongs to.
    pub owner: String,
    /// What it allows.
    pub scope: Scope,
    expires_at: Option<OffsetDateTime>,
}

impl Holder {
    /// Whether the key that was good lets anybody in at this time, unless it was revoked since.
    #[must_use]
    pub fn is_let_in(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Looks for the key with this hash. `None` when there is none, or it lets nobody in any more.
pub async fn authenticate(db: &Db, sha256: &str, now: OffsetDateTime) -> Result<Option<Holder>, Error> {
    let key = api_keys::authenticate(db, sha256, now).await?;
    Ok(key.map(|ApiKey { owner, scope, expires_at, .. }| Holder { owner, scope, expires_at }))
}

/// Lists all keys, newest first, those that were revoked or have expired too.
pub async fn list(db: &Db, now: OffsetDateTime) -> Result<Vec<ApiKeyResponse>, Error> {
    Ok(api_keys::list(db).await?.into_iter().map(|key| present(key, now)).collect())
}

/// A key that is made and not stored yet. Dropped, it never was.
pub struct Draft {
    work: Work,
    created: CreatedApiKeyResponse,
}

impl Draft {
    /// The key as it is shown once.
    #[must_use]
    pub fn created(&self) -> &CreatedApiKeyResponse {
        &self.created
    }

    /// Stores the key.
    pub async fn keep(self) -> Result<CreatedApiKeyResponse, Error> {
        self.work.finish(&Value::Null).await?;
        Ok(self.created)
    }
}

/// Makes a key, and stores it. It belongs to `caller` unless the request names an owner.
pub async fn create(
    db: &Db,
    request: &CreateApiKeyRequest,
    caller: Option<&str>,
    now: OffsetDateTime,
) -> Result<CreatedApiKeyResponse, Error> {
    draft(db, GeneratedKey::draw(), request, caller, now).await?.keep().await
}

/// Makes a key of this text. [`Error::Conflict`] when the database has it already.
pub async fn draft(
    db: &Db,
    key: GeneratedKey,
    request: &CreateApiKeyRequest,
    caller: Option<&str>,
    now: OffsetDateTime,
) -> Result<Draft, Error> {
    let name = fields::label(&["name"], &request.name)?;
    let owner = request.owner.as_deref().map(|owner| fields::label(&["owner"], owner)).transpose()?;
    let scope = request.scope.as_deref().unwrap_or(Scope::Full.as_str()).parse();
    let new = NewApiKey {
        name,
        owner: owner.or(caller).unwrap_or(name),
        scope: scope.map_err(|unknown: UnknownScope| Error::refused(unknown.to_string()))?,
        expires_at: request.expires_in_days.map(days).transpose()?.map(|days| now + days),
    };
    let mut work = Work::begin(db).await?;
    let stored = api_keys::create(&mut work, &key, &new, now).await.map_err(|error| match error {
        DbError::Refused { constraint: Some(constraint), .. } if constraint == SAME_KEY => {
            Error::conflict("This API key was made before.")
        }
        error => error.into(),
    })?;
    Ok(Draft { work, created: CreatedApiKeyResponse { key: key.text, about: present(stored, now) } })
}

/// Revokes a key. Its entry stays in the list; a key can revoke itself.
pub async fn revoke(db: &Db, key_id: String, now: OffsetDateTime) -> Result<RevokeApiKeyResponse, Error> {
    if !api_keys::revoke(db, &key_id, now).await? {
        // Published clients know the text (docs/compatibility.md, 1.14).
        return Err(Error::not_found("API key not found"));
    }
    Ok(RevokeApiKeyResponse { status: "revoked".to_owned(), key_id })
}

fn days(days: u32) -> Result<Duration, Error> {
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(fields::fault(&["expires_in_days"], format_args!("must be from 1 to {MAX_DAYS}")));
    }
    Ok(Duration::days(days.into()))
}

fn present(key: ApiKey, now: OffsetDateTime) -> ApiKeyResponse {
    ApiKeyResponse {
        is_active: key.is_active(now),
        id: key.id,
        name: key.name,
        owner: key.owner,
        key_prefix: key.prefix,
        scope: key.scope,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
        created_at: key.created_at,
    }
}

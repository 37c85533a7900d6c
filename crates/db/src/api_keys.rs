//! Keys of the API. What is stored of one is its hash.

use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_domain::id;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::idempotency::Work;
use crate::word::Word;
use crate::{Db, DbError};

/// A key, without what would let anybody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whom it belongs to.
    pub owner: String,
    /// What it allows.
    pub scope: Scope,
    /// Its first characters.
    pub prefix: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// From when on it lets nobody in.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// Whether it lets anybody in at this time.
    pub fn is_active(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// What a new key is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewApiKey<'a> {
    /// What it is called, of 1 to 255 characters.
    pub name: &'a str,
    /// Whom it belongs to, of 1 to 255 characters.
    pub owner: &'a str,
    /// What it allows.
    pub scope: Scope,
    /// From when on it lets nobody in.
    pub expires_at: Option<OffsetDateTime>,
}

/// A query that returns keys: what comes before their columns, what comes after, and its arguments.
macro_rules! keys {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            ApiKey,
            $before
                + r#" id, name, owner, scope as "scope!: Word<Scope>", prefix, created_at, expires_at, revoked_at, last_used_at "#
                + $after
            $(, $argument)*
        )
    };
}

/// Stores a new key, once the work is finished.
pub async fn create(
    work: &mut Work,
    key: &GeneratedKey,
    new: &NewApiKey<'_>,
    now: OffsetDateTime,
) -> Result<ApiKey, DbError> {
    loop {
        // Ids are short: one that is taken is drawn again.
        let created = keys!(
            "insert into oddish.api_keys (id, name, owner, scope, prefix, sha256, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing
            returning",
            "",
            id::short_id(),
            new.name,
            new.owner,
            new.scope.as_str(),
            key.prefix,
            key.sha256,
            now,
            new.expires_at
        )
        .fetch_optional(&mut work.tx)
        .await
        .doing("store an API key")?;
        if let Some(key) = created {
            return Ok(key);
        }
    }
}

/// The key of this hash, if it lets anybody in; that it was used is noted, to the minute.
pub async fn authenticate(db: &Db, sha256: &str, now: OffsetDateTime) -> Result<Option<ApiKey>, DbError> {
    keys!(
        "with used as (
            update oddish.api_keys set last_used_at = $2
            where sha256 = $1 and revoked_at is null and (expires_at is null or expires_at > $2)
                and (last_used_at is null or last_used_at < $2 - interval '1 minute'))
        select",
        "from oddish.api_keys where sha256 = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
        sha256,
        now
    )
    .fetch_optional(db)
    .await
    .doing("look for an API key")
}

/// All keys, revoked and expired ones too, newest first.
pub async fn list(db: &Db) -> Result<Vec<ApiKey>, DbError> {
    keys!("select", "from oddish.api_keys order by created_at desc, id").fetch_all(db).await.doing("list API keys")
}

/// Revokes a key. `false` when there is none of this id; one that was revoked before stays so.
pub async fn revoke(db: &Db, id: &str, now: OffsetDateTime) -> Result<bool, DbError> {
    sqlx::query!("update oddish.api_keys set revoked_at = coalesce(revoked_at, $2) where id = $1", id, now)
        .execute(db)
        .await
        .map(|done| done.rows_affected() == 1)
        .doing("revoke an API key")
}

//! A fingerprint of the secret that the programs of a deployment share.

use time::OffsetDateTime;

use crate::error::Doing;
use crate::{Db, DbError};

/// The secret on record, as far as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSecret {
    /// Its keyed hash.
    pub fingerprint: Vec<u8>,
    /// Where the program that brought it had it from.
    pub source: String,
    /// When that was.
    pub set_at: OffsetDateTime,
}

/// Puts a secret on record if there is none, and returns the one that is. Of any number of programs that come first at the same time, one has
/// its secret on record, and all get that one.
pub async fn agree(db: &Db, fingerprint: &[u8], source: &str, now: OffsetDateTime) -> Result<KnownSecret, DbError> {
    let doing = "compare the secret";
    // A row that another is about to insert is waited for.
    sqlx::query!(
        "insert into oddish.secret_fingerprint (fingerprint, source, set_at) values ($1, $2, $3) on conflict do nothing",
        fingerprint,
        source,
        now
    )
    .execute(db)
    .await
    .doing(doing)?;
    sqlx::query_as!(KnownSecret, "select fingerprint, source, set_at from oddish.secret_fingerprint")
        .fetch_one(db)
        .await
        .doing(doing)
}

/// Puts another secret on record.
pub async fn replace(db: &Db, fingerprint: &[u8], source: &str, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "insert into oddish.secret_fingerprint (fingerprint, source, set_at) values ($1, $2, $3)
        on conflict (id) do update set fingerprint = excluded.fingerprint, source = excluded.source, set_at = excluded.set_at",
        fingerprint,
        source,
        now
    )
    .execute(db)
    .await
    .done("replace the secret")
}

/// How many trials that have not ended have environment variables of agents that are sealed.
pub async fn count_sealed(db: &Db) -> Result<i64, DbError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from oddish.trials
        where finished_at is null and jsonb_typeof(harbor -> 'agent_env') = 'object' and harbor -> 'agent_env' <> '{}'"#
    )
    .fetch_one(db)
    .await
    .doing("count the trials with sealed variables")
}

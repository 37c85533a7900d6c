//! Requests that may come twice. What a request does and what it was answered are written in one transaction, so that its repetition
//! finds either both or neither.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::error::Doing;
use crate::{Db, DbError, Tx};

/// How long a key is remembered.
const KEPT_FOR: Duration = Duration::hours(24);
/// How many forgotten keys are deleted whenever one is used.
const PURGED_AT_ONCE: i64 = 10;

/// What names a request, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What kind of request it is. Each kind has keys of its own.
    pub operation: String,
    /// The client's name for it, of 1 to 255 characters.
    pub key: String,
    /// SHA-256 over everything that it asks for, lower-case hex.
    pub body_sha256: String,
}

/// Work of which all or nothing is kept: dropping it before [`Work::finish`] undoes it.
#[derive(Debug)]
pub struct Work {
    pub(crate) tx: Tx,
    key: Option<IdempotencyKey>,
}

/// What to do about a request.
#[derive(Debug)]
pub enum Begun {
    /// Its work.
    Fresh(Work),
    /// It was done before: give this answer again.
    Answered(Value),
    /// Its key was used for another request.
    OtherRequest,
}

impl Work {
    /// Begins work that nobody repeats.
    pub async fn begin(db: &Db) -> Result<Self, DbError> {
        let tx = db.begin().await.doing("begin a transaction")?;
        Ok(Self { tx, key: None })
    }

    /// Keeps what was done, and the answer if the request has a key.
    pub async fn finish(mut self, answer: &Value) -> Result<(), DbError> {
        let doing = "finish a request";
        if let Some(key) = &self.key {
            sqlx::query!(
                "update oddish.idempotency_keys set answer = $3 where operation = $1 and idempotency_key = $2",
                key.operation,
                key.key,
                answer
            )
            .execute(&mut self.tx)
            .await
            .doing(doing)?;
        }
        self.tx.commit().await.doing(doing)
    }
}

/// Begins a request's work, unless it was done before. While another request with this key is at work, this waits for its end.
pub async fn begin(db: &Db, key: Option<&IdempotencyKey>, now: OffsetDateTime) -> Result<Begun, DbError> {
    let doing = "look for an earlier request";
    let mut work = Work::begin(db).await?;
    let Some(key) = key else { return Ok(Begun::Fresh(work)) };
    // A row that another request has inserted and not committed makes this wait; whatever became of it is known then.
    let taken = sqlx::query!(
        "insert into oddish.idempotency_keys as k (operation, idempotency_key, body_sha256, answer, created_at)
        values ($1, $2, $3, 'null', $4)
        on conflict (operation, idempotency_key) do update
            set body_sha256 = excluded.body_sha256, answer = excluded.answer, created_at = excluded.created_at
            where k.created_at <= $5",
        key.operation,
        key.key,
        key.body_sha256,
        now,
        now - KEPT_FOR
    )
    .execute(&mut work.tx)
    .await
    .doing(doing)?;
    if taken.rows_affected() == 0 {
        let earlier = sqlx::query!(
            "select body_sha256, answer from oddish.idempotency_keys where operation = $1 and idempotency_key = $2",
            key.operation,
            key.key
        )
        .fetch_one(&mut work.tx)
        .await
        .doing(doing)?;
        let same = earlier.body_sha256 == key.body_sha256;
        return Ok(if same { Begun::Answered(earlier.answer) } else { Begun::OtherRequest });
    }
    sqlx::query!(
        "delete from oddish.idempotency_keys where (operation, idempotency_key) in (
            select operation, idempotency_key from oddish.idempotency_keys where created_at <= $1
            order by created_at limit $2 for update skip locked)",
        now - KEPT_FOR,
        PURGED_AT_ONCE
    )
    .execute(&mut work.tx)
    .await
    .doing("forget old idempotency keys")?;
    work.key = Some(key.clone());
    Ok(Begun::Fresh(work))
}

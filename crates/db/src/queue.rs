//! Claims jobs, and finds claims that no runner began.

use oddish_domain::status::JobKind;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::error::Doing;
use crate::jobs::AttemptRef;
use crate::word::Word;
use crate::{Db, DbError};

pub(crate) mod breakers;
pub mod dispatcher_call;
pub mod jobs;
pub mod leases;
pub mod queue_keys;
pub mod queue_metrics;
pub mod runner_tasks;
pub mod stuck;
pub mod waiting;
pub mod wake;

/// How long a runner may take to begin, from the launcher's answer on: a container takes minutes on a bad day. Until the launcher answers, a
/// claim has a minute (`oddish.claim_jobs`).
pub const BEGIN_WITHIN: Duration = Duration::minutes(5);

/// A job that was claimed: it holds a slot of its key, and has an attempt and a fencing token of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The attempt.
    pub attempt: AttemptRef,
    /// The key whose slot it holds.
    pub queue_key: String,
}

/// Claims up to `max` jobs that are due at `now`, for all keys in one call: high before low priority, then the submitter with the least
/// running in the key, then age. The migrations say how (`oddish.claim_jobs`).
///
/// The limit is the number of slot rows. However many dispatchers call this at once, the schema refuses a second job for a slot, a claimed
/// job without one, and one that does not exist.
pub async fn claim(db: &Db, max: u32, now: OffsetDateTime) -> Result<Vec<Claim>, DbError> {
    let mut claims = Vec::new();
    loop {
        let missing = i64::from(max) - i64::try_from(claims.len()).unwrap_or(i64::MAX);
        if missing <= 0 {
            return Ok(claims);
        }
        let more = sqlx::query!(
            r#"select kind as "kind!: Word<JobKind>", subject as "subject!", number as "number!", token as "token!", queue_key as "queue_key!"
            from oddish.claim_jobs($1, $2)"#,
            missing,
            now
        )
        .fetch_all(db)
        .await
        .doing("claim jobs")?;
        // A submitter who had fewer jobs than fell to him leaves slots for others, which the next call gives them.
        if more.is_empty() {
            return Ok(claims);
        }
        for row in more {
            let attempt = AttemptRef::read(row.kind, row.subject, row.number, row.token);
            claims.push(Claim { attempt, queue_key: row.queue_key });
        }
    }
}

/// The launcher has answered: the time that a runner has to begin counts from now on.
pub async fn launched(db: &Db, tokens: &[Uuid], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.jobs set begin_by = $2 where token = any($1) and state = 'claimed'",
        tokens,
        now + BEGIN_WITHIN
    )
    .execute(db)
    .await
    .done("note that runners were launched")
}

/// The claims that no runner has begun in time.
pub async fn overdue(db: &Db, now: OffsetDateTime) -> Result<Vec<Claim>, DbError> {
    let rows = sqlx::query!(
        r#"select kind as "kind!: Word<JobKind>", coalesce(trial_id, task_id) as "subject!", attempt as number, token as "token!", queue_key from oddish.jobs
        where state = 'claimed' and begin_by < $1 order by begin_by limit 1000"#,
        now
    )
    .fetch_all(db)
    .await
    .doing("look for claims that no runner began")?;
    let claims = rows.into_iter().map(|row| {
        let attempt = AttemptRef::read(row.kind, row.subject, row.number, row.token);
        Claim { attempt, queue_key: row.queue_key }
    });
    Ok(claims.collect())
}

/// When the next job that waits for its time may be claimed, or the next probe of a paused key.
pub async fn next_due(db: &Db) -> Result<Option<OffsetDateTime>, DbError> {
    sqlx::query_scalar!(
        "select least(
            (select min(due_at) from oddish.jobs where state = 'waiting'),
            (select min(probe_at) from oddish.queue_keys where probe_token is null))"
    )
    .fetch_one(db)
    .await
    .doing("look for the next job that becomes due")
}

/// Notes that a dispatcher is there, and forgets those that have not been for a day.
pub async fn seen(db: &Db, dispatcher: &str, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "with forgotten as (delete from oddish.dispatchers where seen_at < $2::timestamptz - interval '1 day' and id <> $1)
        insert into oddish.dispatchers (id, seen_at) values ($1, $2)
        on conflict (id) do update set seen_at = excluded.seen_at",
        dispatcher,
        now
    )
    .execute(db)
    .await
    .done("note that a dispatcher is there")
}

//! Claiming jobs, and finding the claims that nobody began.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::DbError;
use crate::statements::On;

/// How long a runner may take to begin, from the launcher's answer on: a container takes minutes on a bad day. Until the launcher answers, a
/// claim has a minute (`oddish.claim_jobs`).
pub const BEGIN_WITHIN: Duration = Duration::minutes(5);

/// A job that was claimed: it holds a slot of its key, and has an attempt and a fencing token of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The trial to run.
    pub trial_id: String,
    /// Number of the attempt, from 1.
    pub number: i32,
    /// Fencing token: without it nothing can be written for this attempt.
    pub token: Uuid,
    /// The key whose slot it holds.
    pub queue_key: String,
}

/// Claims up to `max` jobs that are due at `now`, for all keys in one call: high before low priority, then the submitter with the least
/// running in the key, then age. The migrations say how (`oddish.claim_jobs`).
///
/// The limit is the number of slot rows. However many dispatchers call this at once, a slot is given once, and the schema refuses a claimed
/// job without a slot.
pub async fn claim(pool: &PgPool, max: u32, now: OffsetDateTime) -> Result<Vec<Claim>, DbError> {
    let mut claims = Vec::new();
    loop {
        let missing = i64::from(max) - i64::try_from(claims.len()).unwrap_or(i64::MAX);
        if missing <= 0 {
            return Ok(claims);
        }
        let more = sqlx::query_as!(
            Claim,
            r#"select trial_id as "trial_id!", number as "number!", token as "token!", queue_key as "queue_key!"
            from oddish.claim_jobs($1, $2)"#,
            missing,
            now
        )
        .fetch_all(On(pool))
        .await
        .map_err(DbError::while_doing("claim jobs"))?;
        // A submitter who had fewer jobs than fell to him leaves slots for others, which the next call gives them.
        if more.is_empty() {
            return Ok(claims);
        }
        claims.extend(more);
    }
}

/// The launcher has answered: the time that a runner has to begin counts from now on.
pub async fn launched(pool: &PgPool, tokens: &[Uuid], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.jobs set begin_by = $2 where token = any($1) and state = 'claimed'",
        tokens,
        now + BEGIN_WITHIN
    )
    .execute(On(pool))
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("note that runners were launched"))
}

/// Carries lowered limits further: retiring slots that came free go, and where a slot that was to stay came free first, it goes in the
/// place of a retiring one. Until then nothing is claimed for such a key, so that it never starts a job above its limit; after it,
/// the key waits no longer than it must.
pub async fn settle_lowered_limits(pool: &PgPool) -> Result<(), DbError> {
    let doing = "settle lowered limits";
    sqlx::query!("delete from oddish.slots where retiring and job_id is null")
        .execute(On(pool))
        .await
        .map_err(DbError::while_doing(doing))?;
    sqlx::query!(
        "with retiring as materialized (
            select queue_key, slot from oddish.slots where retiring and job_id is not null
            order by queue_key, slot for update skip locked),
        free as materialized (
            select s.queue_key, s.slot from oddish.slots s
            where s.job_id is null and not s.retiring and exists (select from retiring r where r.queue_key = s.queue_key)
            order by s.queue_key, s.slot for update skip locked),
        pairs as materialized (
            select queue_key, r.slot as stays, f.slot as goes
            from (select *, row_number() over (partition by queue_key order by slot) as place from retiring) r
            join (select *, row_number() over (partition by queue_key order by slot) as place from free) f
                using (queue_key, place)),
        stayed as (
            update oddish.slots s set retiring = false from pairs p where s.queue_key = p.queue_key and s.slot = p.stays)
        delete from oddish.slots s using pairs p where s.queue_key = p.queue_key and s.slot = p.goes"
    )
    .execute(On(pool))
    .await
    .map(|_| ())
    .map_err(DbError::while_doing(doing))
}

/// The claims that no runner has begun in time.
pub async fn overdue(pool: &PgPool, now: OffsetDateTime) -> Result<Vec<Claim>, DbError> {
    sqlx::query_as!(
        Claim,
        r#"select trial_id, attempt as number, token as "token!", queue_key from oddish.jobs
        where state = 'claimed' and begin_by < $1 order by begin_by limit 1000"#,
        now
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("look for claims that no runner began"))
}

/// When the next job that waits for its time may be claimed, or the next probe of a paused key.
pub async fn next_due(pool: &PgPool) -> Result<Option<OffsetDateTime>, DbError> {
    sqlx::query_scalar!(
        "select least(
            (select min(due_at) from oddish.jobs where state = 'waiting'),
            (select min(probe_at) from oddish.queue_keys where probe_token is null))"
    )
    .fetch_one(On(pool))
    .await
    .map_err(DbError::while_doing("look for the next job that becomes due"))
}

/// Notes that a dispatcher is there, and forgets those that have not been for a day.
pub async fn seen(pool: &PgPool, dispatcher: &str, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "with forgotten as (delete from oddish.dispatchers where seen_at < $2::timestamptz - interval '1 day' and id <> $1)
        insert into oddish.dispatchers (id, seen_at) values ($1, $2)
        on conflict (id) do update set seen_at = excluded.seen_at",
        dispatcher,
        now
    )
    .execute(On(pool))
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("note that a dispatcher is there"))
}

//! Claiming jobs, and what becomes of claims that did not end with a record.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::DbError;

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

/// Claims up to `max` jobs that are due at `now`, for all keys in one call: high before low priority, then the one that waits
/// longest.
///
/// The limit is the number of slot rows: free ones are locked first, skipping those that another dispatcher is about to take, and a row
/// that was taken meanwhile is seen as taken because locking reads it afresh. However many dispatchers call this at once, a slot is
/// given once, and the schema refuses a claimed job without a slot.
pub async fn claim(pool: &PgPool, max: u32, now: OffsetDateTime) -> Result<Vec<Claim>, DbError> {
    sqlx::query_as!(
        Claim,
        r#"with held as materialized (
            select s.queue_key, s.slot
            from oddish.queue_keys k
            cross join lateral (
                select s.queue_key, s.slot from oddish.slots s
                where s.queue_key = k.queue_key and s.job_id is null
                order by s.slot limit $1 for update skip locked) s
            where exists (
                    select from oddish.jobs j
                    where j.queue_key = k.queue_key and j.state = 'ready' and j.available_at <= $2)
                and not exists (select from oddish.slots r where r.queue_key = k.queue_key and r.retiring)),
        free as materialized (
            select queue_key, slot, row_number() over (partition by queue_key order by slot) as turn from held),
        room as materialized (select queue_key, count(*) as slots from free group by queue_key),
        due as materialized (
            select j.id, j.queue_key, j.priority, j.available_at
            from room r
            cross join lateral (
                select j.id, j.queue_key, j.priority, j.available_at from oddish.jobs j
                where j.queue_key = r.queue_key and j.state = 'ready' and j.available_at <= $2
                order by j.priority, j.available_at, j.id limit r.slots for update skip locked) j),
        next as materialized (
            select id, queue_key, row_number() over (partition by queue_key order by priority, available_at, id) as turn
            from (select * from due order by priority, available_at, id limit $1) first),
        paired as materialized (
            select n.id, f.queue_key, f.slot, gen_random_uuid() as token
            from next n join free f on f.queue_key = n.queue_key and f.turn = n.turn),
        taken as (
            update oddish.slots s set job_id = p.id from paired p
            where s.queue_key = p.queue_key and s.slot = p.slot),
        claimed as (
            update oddish.jobs j set state = 'claimed', slot = p.slot, token = p.token, attempt = j.attempt + 1
            from paired p where j.id = p.id and j.state = 'ready'
            returning j.trial_id, j.attempt, j.token, j.queue_key, j.slot)
        insert into oddish.attempts (trial_id, number, token, queue_key, slot, claimed_at)
        select trial_id, attempt, token, queue_key, slot, $2 from claimed
        returning trial_id, number, token, queue_key"#,
        i64::from(max),
        now
    )
    .fetch_all(pool)
    .await
    .map_err(DbError::while_doing("claim jobs"))
}

/// Carries lowered limits further: retiring slots that came free go, and where a slot that was to stay came free first, it goes in the
/// place of a retiring one. Until then nothing is claimed for such a key, so that it never starts a job above its limit; after it,
/// the key waits no longer than it must.
pub async fn settle_lowered_limits(pool: &PgPool) -> Result<(), DbError> {
    let doing = "settle lowered limits";
    sqlx::query!("delete from oddish.slots where retiring and job_id is null")
        .execute(pool)
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
    .execute(pool)
    .await
    .map(|_| ())
    .map_err(DbError::while_doing(doing))
}

/// Gives back the claims that were made before `now - deadline` and that no runner has begun: the job is ready again, and the attempt
/// does not count. A runner that comes late finds its token stale and leaves.
pub async fn give_back_unbegun(pool: &PgPool, deadline: Duration, now: OffsetDateTime) -> Result<Vec<String>, DbError> {
    let doing = "give back claims that no runner began";
    sqlx::query_scalar!(
        r#"with late as materialized (
            select j.id, j.queue_key, j.slot, j.trial_id, j.attempt
            from oddish.jobs j join oddish.attempts a on a.token = j.token
            where j.state = 'claimed' and a.claimed_at < $1
            for update of j skip locked),
        freed as (
            update oddish.slots s set job_id = null from late l
            where s.queue_key = l.queue_key and s.slot = l.slot and s.job_id = l.id),
        ready as (
            update oddish.jobs j set state = 'ready', token = null, slot = null from late l where j.id = l.id),
        closed as (
            update oddish.attempts a
            set ended_at = $2, outcome = 'given_back', error = 'no runner began before the deadline'
            from late l where a.trial_id = l.trial_id and a.number = l.attempt)
        select trial_id as "trial_id!" from late"#,
        now - deadline,
        now
    )
    .fetch_all(pool)
    .await
    .map_err(DbError::while_doing(doing))
}

/// When the next job that is not due yet will be, after `now`.
pub async fn next_due(pool: &PgPool, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, DbError> {
    sqlx::query_scalar!("select min(available_at) from oddish.jobs where state = 'ready' and available_at > $1", now)
        .fetch_one(pool)
        .await
        .map_err(DbError::while_doing("look for the next job that becomes due"))
}

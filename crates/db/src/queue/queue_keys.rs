//! Concurrency limits of queue keys, kept as slot rows.

use time::OffsetDateTime;

use crate::error::Doing;
use crate::{Db, DbError, Tx};
use oddish_domain::limits::ConcurrencyLimits;

/// Makes sure that each key exists, with the limit that `limits` gives it if it is new. A key that exists keeps its limit.
///
/// Keys must be distinct and sorted: two transactions that create the same keys then wait for one another instead of deadlocking.
pub(crate) async fn ensure(
    tx: &mut Tx,
    keys: &[String],
    limits: &ConcurrencyLimits,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let wanted: Vec<i32> = keys.iter().map(|key| limit_of(limits, key)).collect();
    let is_default: Vec<bool> = keys.iter().map(|key| !limits.overrides.contains_key(key)).collect();
    sqlx::query!(
        "with created as (
            insert into oddish.queue_keys (queue_key, concurrency_limit, is_default, updated_at)
            select key, wanted, is_default, $4 from unnest($1::text[], $2::int[], $3::bool[]) as w (key, wanted, is_default)
            on conflict (queue_key) do nothing
            returning queue_key, concurrency_limit)
        insert into oddish.slots (queue_key, slot)
        select queue_key, number from created cross join lateral generate_series(0, concurrency_limit - 1) as number",
        keys,
        &wanted,
        &is_default,
        now
    )
    .execute(&mut *tx)
    .await
    .done("create queue keys")
}

/// Sets the limit of one key, creating the key if it is new. Jobs that hold a slot keep it: a lowered limit waits for slots to come
/// free.
pub async fn set_limit(db: &Db, key: &str, limit: u32, now: OffsetDateTime) -> Result<(), DbError> {
    let doing = "set a concurrency limit";
    let mut tx = db.begin().await.doing(doing)?;
    resize(&mut tx, key, i32::try_from(limit).unwrap_or(i32::MAX), false, now).await?;
    tx.commit().await.doing(doing)
}

/// Makes the database's limits those of a starting server: keys that are named get their limit, keys that follow the default follow the
/// new one, keys that were set by name before and are not named now keep theirs. Returns the limits that were others before.
pub async fn apply_limits(
    db: &Db,
    limits: &ConcurrencyLimits,
    now: OffsetDateTime,
) -> Result<Vec<ChangedLimit>, DbError> {
    let doing = "apply the concurrency limits";
    let mut tx = db.begin().await.doing(doing)?;
    let mut changed = Vec::new();
    for key in limits.overrides.keys() {
        let limit = limit_of(limits, key);
        let before = sqlx::query_scalar!("select concurrency_limit from oddish.queue_keys where queue_key = $1", key)
            .fetch_optional(&mut tx)
            .await
            .doing(doing)?;
        changed.extend(before.filter(|before| *before != limit).map(|before| ChangedLimit::new(key, before, limit)));
        resize(&mut tx, key, limit, false, now).await?;
    }
    let default = i32::try_from(limits.default).unwrap_or(i32::MAX);
    let following = sqlx::query!(
        "select queue_key, concurrency_limit from oddish.queue_keys
        where is_default and concurrency_limit <> $1 order by queue_key",
        default
    )
    .fetch_all(&mut tx)
    .await
    .doing(doing)?;
    for key in following {
        resize(&mut tx, &key.queue_key, default, true, now).await?;
        changed.push(ChangedLimit::new(&key.queue_key, key.concurrency_limit, default));
    }
    tx.commit().await.doing(doing)?;
    Ok(changed)
}

/// A limit that was another before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLimit {
    /// The key.
    pub queue_key: String,
    /// Its limit before.
    pub before: i32,
    /// Its limit now.
    pub now: i32,
}

impl ChangedLimit {
    fn new(key: &str, before: i32, now: i32) -> Self {
        Self { queue_key: key.to_owned(), before, now }
    }
}

/// Stops claiming for a key; what runs goes on. `false` if there is no such key.
pub async fn pause(db: &Db, key: &str, reason: Option<&str>, now: OffsetDateTime) -> Result<bool, DbError> {
    sqlx::query!(
        "update oddish.queue_keys
        set paused_at = $2, paused_by = 'user', pause_reason = $3, probe_at = null, probe_token = null, refusals = 0,
            refused_probes = 0, updated_at = $2
        where queue_key = $1",
        key,
        now,
        reason
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
    .doing("pause a queue key")
}

/// Resumes a key, paused by a user or by the breaker. `false` if there is no such key. The caller wakes the dispatcher.
pub async fn resume(db: &Db, key: &str, now: OffsetDateTime) -> Result<bool, DbError> {
    sqlx::query!(
        "update oddish.queue_keys
        set paused_at = null, paused_by = null, pause_reason = null, probe_at = null, probe_token = null, refusals = 0,
            refused_probes = 0, updated_at = $2
        where queue_key = $1",
        key,
        now
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
    .doing("resume a queue key")
}

/// The keys with their limit, and what they hold, by name. With `key` that one only.
pub async fn list(db: &Db, key: Option<&str>) -> Result<Vec<QueueKey>, DbError> {
    sqlx::query_as!(
        QueueKey,
        r#"with waiting as (
            select queue_key, count(*) filter (where state = 'ready') as ready, count(*) filter (where state = 'waiting') as delayed
            from oddish.jobs where state in ('ready', 'waiting') and (queue_key = $1 or $1 is null) group by queue_key)
        select k.queue_key, k.concurrency_limit, k.is_default,
            (select count(*) from oddish.jobs j where j.queue_key = k.queue_key and j.slot is not null) as "running!",
            coalesce(w.ready, 0) as "ready!", coalesce(w.delayed, 0) as "delayed!",
            k.paused_at, k.paused_by, k.pause_reason, k.probe_at
        from oddish.queue_keys k left join waiting w using (queue_key)
        where k.queue_key = $1 or $1 is null
        order by k.queue_key"#,
        key
    )
    .fetch_all(db)
    .await
    .doing("list the queue keys")
}

/// One queue key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueKey {
    /// The key.
    pub queue_key: String,
    /// How many jobs of it may run at once.
    pub concurrency_limit: i32,
    /// Whether the limit follows the default.
    pub is_default: bool,
    /// How many hold a slot: claimed or begun.
    pub running: i64,
    /// How many could be claimed.
    pub ready: i64,
    /// How many wait for the time of their next try.
    pub delayed: i64,
    /// Since when nothing is claimed for it.
    pub paused_at: Option<OffsetDateTime>,
    /// `user` or `breaker`.
    pub paused_by: Option<String>,
    /// Why it is paused.
    pub pause_reason: Option<String>,
    /// When the breaker lets one trial try again.
    pub probe_at: Option<OffsetDateTime>,
}

async fn resize(tx: &mut Tx, key: &str, limit: i32, is_default: bool, now: OffsetDateTime) -> Result<(), DbError> {
    let doing = "resize the slots of a queue key";
    // With this row's lock the key is ours: other resizes and claims of it wait, or leave it alone. What a claim did meanwhile is seen by
    // the statements after this one.
    sqlx::query!(
        "insert into oddish.queue_keys (queue_key, concurrency_limit, is_default, updated_at) values ($1, $2, $3, $4)
        on conflict (queue_key) do update
            set concurrency_limit = excluded.concurrency_limit, is_default = excluded.is_default, updated_at = excluded.updated_at",
        key,
        limit,
        is_default,
        now
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    // Surplus slots go if they are free. Those that are held go when they are free and the key is claimed for next. Neither statement joins
    // slots with slots: a plan that was kept from when there were few would compare each of ten thousand with each.
    sqlx::query!(
        "with free as materialized (
            select slot from oddish.slots
            where queue_key = $1
                and slot not in (select j.slot from oddish.jobs j where j.queue_key = $1 and j.slot is not null)),
        surplus as (
            select slot from free order by slot desc
            limit greatest((select count(*) from oddish.slots where queue_key = $1) - $2::int, 0))
        delete from oddish.slots
        where queue_key = $1 and slot >= (select min(slot) from surplus)
            and slot not in (select j.slot from oddish.jobs j where j.queue_key = $1 and j.slot is not null)",
        key,
        limit
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    sqlx::query!(
        "insert into oddish.slots (queue_key, slot)
        select $1, number
        from (select generate_series(0, $2::int * 2) except select slot from oddish.slots where queue_key = $1) as free (number)
        order by number limit greatest($2::int - (select count(*) from oddish.slots where queue_key = $1), 0)",
        key,
        limit
    )
    .execute(&mut *tx)
    .await
    .done(doing)
}

fn limit_of(limits: &ConcurrencyLimits, key: &str) -> i32 {
    i32::try_from(limits.limit_for(key)).unwrap_or(i32::MAX)
}

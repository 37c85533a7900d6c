//! What operators look at when something seems stuck: who holds which slot, which runners are silent, which tasks should have ended.

use oddish_domain::status::{TaskStatus, TrialStatus};
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::DbError;
use crate::error::parse;
use crate::leases::LEASE;
use crate::statements::On;

/// How many slots a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotCount {
    /// The key.
    pub queue_key: String,
    /// All of them, those that are retiring included.
    pub total: i64,
    /// Those that a job holds.
    pub held: i64,
}

/// The number of slots of each key, by name.
pub async fn slot_counts(pool: &PgPool) -> Result<Vec<SlotCount>, DbError> {
    sqlx::query_as!(
        SlotCount,
        r#"select k.queue_key, count(s.slot) as "total!", count(s.job_id) as "held!"
        from oddish.queue_keys k left join oddish.slots s using (queue_key) group by k.queue_key order by k.queue_key"#
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("count slots"))
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The key.
    pub queue_key: String,
    /// Its number.
    pub slot: i32,
    /// Whether it goes once it is free.
    pub retiring: bool,
    /// The trial whose job holds it.
    pub trial_id: Option<String>,
    /// Until when that job's runner must have begun, or renewed its lease.
    pub locked_until: Option<OffsetDateTime>,
}

/// Up to `limit` slots, by key and number. Where there are more, those that are held come first.
pub async fn slots(pool: &PgPool, limit: i64) -> Result<Vec<Slot>, DbError> {
    sqlx::query_as!(
        Slot,
        r#"with listed as materialized (
            select queue_key, slot, retiring, job_id from oddish.slots order by job_id is null, queue_key, slot limit $1)
        select s.queue_key as "queue_key!", s.slot as "slot!", s.retiring as "retiring!", j.trial_id as "trial_id?",
            coalesce(j.lease_until, j.begin_by) as locked_until
        from listed s left join oddish.jobs j on j.id = s.job_id
        order by s.queue_key, s.slot"#,
        limit
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("list slots"))
}

/// A trial whose runner is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentTrial {
    /// The trial.
    pub trial_id: String,
    /// Its task.
    pub task_id: String,
    /// Its key.
    pub queue_key: String,
    /// Its status.
    pub status: TrialStatus,
    /// What Harbor did last.
    pub harbor_stage: Option<String>,
    /// The runner's process: `host:pid`.
    pub runner: Option<String>,
    /// The slot that it holds.
    pub slot: Option<i32>,
    /// When it was claimed.
    pub claimed_at: Option<OffsetDateTime>,
    /// When its runner last renewed its lease.
    pub heard_at: Option<OffsetDateTime>,
    /// When its row last changed.
    pub updated_at: OffsetDateTime,
}

/// How many begun trials have runners that did not renew their lease since `heard_before`, and up to `samples` of them, the most silent
/// first.
pub async fn silent_trials(
    pool: &PgPool,
    heard_before: OffsetDateTime,
    samples: i64,
) -> Result<(i64, Vec<SilentTrial>), DbError> {
    let rows = sqlx::query!(
        r#"with silent as materialized (
            select j.trial_id, j.queue_key, j.slot, j.attempt, j.lease_until, count(*) over () as total
            from oddish.jobs j where j.state = 'begun' and j.lease_until < $1 order by j.lease_until limit $2)
        select s.trial_id, s.queue_key, s.slot, s.lease_until, s.total as "total!", t.task_id, t.status, t.harbor_stage, t.updated_at,
            a.host || ':' || a.pid as runner, a.claimed_at as "claimed_at?"
        from silent s
        join oddish.trials t on t.id = s.trial_id
        left join oddish.attempts a on a.trial_id = s.trial_id and a.number = s.attempt
        order by s.lease_until"#,
        heard_before + LEASE,
        samples
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("look for silent runners"))?;
    let total = rows.first().map_or(0, |row| row.total);
    let trials = rows.into_iter().map(|row| {
        Ok(SilentTrial {
            status: parse("trials.status", &row.status)?,
            trial_id: row.trial_id,
            task_id: row.task_id,
            queue_key: row.queue_key,
            harbor_stage: row.harbor_stage,
            runner: row.runner,
            slot: row.slot,
            claimed_at: row.claimed_at,
            heard_at: row.lease_until.map(|until| until - LEASE),
            updated_at: row.updated_at,
        })
    });
    Ok((total, trials.collect::<Result<_, DbError>>()?))
}

/// A task that has not ended although all its trials have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedTask {
    /// The task.
    pub task_id: String,
    /// Its stage.
    pub status: TaskStatus,
    /// When its row last changed.
    pub updated_at: OffsetDateTime,
}

/// How many tasks have not ended although all their trials have, and up to `samples` of them, the oldest first.
pub async fn unfinished_tasks(pool: &PgPool, samples: i64) -> Result<(i64, Vec<UnfinishedTask>), DbError> {
    let rows = sqlx::query!(
        r#"select k.id, k.status, k.updated_at, count(*) over () as "total!" from oddish.tasks k
        where k.experiment_id is not null and k.status in ('pending', 'running')
            and not exists (select from oddish.trials t where t.task_id = k.id and t.status not in ('success', 'failed'))
        order by k.updated_at limit $1"#,
        samples
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("look for tasks that should have ended"))?;
    let total = rows.first().map_or(0, |row| row.total);
    let tasks = rows.into_iter().map(|row| {
        Ok(UnfinishedTask { status: parse("tasks.status", &row.status)?, task_id: row.id, updated_at: row.updated_at })
    });
    Ok((total, tasks.collect::<Result<_, DbError>>()?))
}

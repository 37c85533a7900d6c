//! Operators' views of what may be stuck: held slots, silent runners, tasks that should have ended.

use oddish_domain::status::{JobKind, TaskStatus, TrialStatus};
use time::OffsetDateTime;

use crate::error::Doing;
use crate::jobs::LEASE;
use crate::word::Word;
use crate::{Db, DbError};

/// How many slots a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotCount {
    /// The key.
    pub queue_key: String,
    /// All of them, those included that go because the limit was lowered.
    pub total: i64,
    /// Those that a job holds.
    pub held: i64,
}

/// The number of slots of each key, by name.
pub async fn slot_counts(db: &Db) -> Result<Vec<SlotCount>, DbError> {
    sqlx::query_as!(
        SlotCount,
        r#"select k.queue_key, count(s.slot) as "total!", count(j.slot) as "held!"
        from oddish.queue_keys k left join oddish.slots s using (queue_key) left join oddish.jobs j using (queue_key, slot)
        group by k.queue_key order by k.queue_key"#
    )
    .fetch_all(db)
    .await
    .doing("count slots")
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The key.
    pub queue_key: String,
    /// Its number.
    pub slot: i32,
    /// What the job does that holds it.
    pub kind: Option<JobKind>,
    /// For which trial or task.
    pub subject: Option<String>,
    /// Until when that job's runner must have begun, or renewed its lease.
    pub locked_until: Option<OffsetDateTime>,
}

/// Up to `limit` slots, by key and number. Where there are more, those that are held come first.
pub async fn slots(db: &Db, limit: i64) -> Result<Vec<Slot>, DbError> {
    let mut slots = sqlx::query_as!(
        Slot,
        r#"select s.queue_key as "queue_key!", s.slot as "slot!", j.kind as "kind!: Word<Option<JobKind>>",
            coalesce(j.trial_id, j.task_id) as subject, coalesce(j.lease_until, j.begin_by) as locked_until
        from oddish.slots s left join oddish.jobs j using (queue_key, slot)
        order by j.slot is null, s.queue_key, s.slot limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
    .doing("list slots")?;
    slots.sort_by(|one, other| (&one.queue_key, one.slot).cmp(&(&other.queue_key, other.slot)));
    Ok(slots)
}

/// How many jobs of one kind a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCount {
    /// The key.
    pub queue_key: String,
    /// The kind.
    pub kind: JobKind,
    /// How many wait.
    pub queued: i64,
    /// How many hold a slot.
    pub running: i64,
}

/// The jobs of every key, counted by kind; of trials also where there are none.
pub async fn job_counts(db: &Db) -> Result<Vec<JobCount>, DbError> {
    sqlx::query_as!(
        JobCount,
        r#"with counted as (
            select queue_key, kind, count(*) filter (where slot is null) as queued, count(slot) as running
            from oddish.jobs group by queue_key, kind)
        select k.queue_key as "queue_key!", 'trial' as "kind!: Word<JobKind>", coalesce(c.queued, 0) as "queued!",
            coalesce(c.running, 0) as "running!"
        from oddish.queue_keys k left join counted c on c.queue_key = k.queue_key and c.kind = 'trial'
        union all
        select queue_key, kind, queued, running from counted where kind <> 'trial'
        order by 1"#
    )
    .fetch_all(db)
    .await
    .doing("count jobs")
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
    db: &Db,
    heard_before: OffsetDateTime,
    samples: i64,
) -> Result<(i64, Vec<SilentTrial>), DbError> {
    let rows = sqlx::query!(
        r#"with silent as materialized (
            select j.trial_id, j.queue_key, j.slot, j.token, j.lease_until, count(*) over () as total
            from oddish.jobs j where j.state = 'begun' and j.kind = 'trial' and j.lease_until < $1 order by j.lease_until limit $2)
        select s.trial_id as "trial_id!", s.queue_key, s.slot, s.lease_until, s.total as "total!", t.task_id,
            t.status as "status!: Word<TrialStatus>", t.harbor_stage, t.updated_at, a.host || ':' || a.pid as runner,
            a.claimed_at as "claimed_at?"
        from silent s
        join oddish.trials t on t.id = s.trial_id
        left join oddish.attempts a on a.token = s.token
        order by s.lease_until"#,
        heard_before + LEASE,
        samples
    )
    .fetch_all(db)
    .await
    .doing("look for silent runners")?;
    let total = rows.first().map_or(0, |row| row.total);
    let trials = rows.into_iter().map(|row| SilentTrial {
        trial_id: row.trial_id,
        task_id: row.task_id,
        queue_key: row.queue_key,
        status: row.status.into(),
        harbor_stage: row.harbor_stage,
        runner: row.runner,
        slot: row.slot,
        claimed_at: row.claimed_at,
        heard_at: row.lease_until.map(|until| until - LEASE),
        updated_at: row.updated_at,
    });
    Ok((total, trials.collect()))
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
pub async fn unfinished_tasks(db: &Db, samples: i64) -> Result<(i64, Vec<UnfinishedTask>), DbError> {
    let rows = sqlx::query!(
        r#"select k.id as task_id, k.status as "status!: Word<TaskStatus>", k.updated_at, count(*) over () as "total!"
        from oddish.tasks k
        where k.experiment_id is not null and k.status in ('pending', 'running')
            and not exists (select from oddish.trials t where t.task_id = k.id and t.status not in ('success', 'failed'))
        order by k.updated_at limit $1"#,
        samples
    )
    .fetch_all(db)
    .await
    .doing("look for tasks that should have ended")?;
    let total = rows.first().map_or(0, |row| row.total);
    let tasks = rows.into_iter().map(|row| UnfinishedTask {
        task_id: row.task_id,
        status: row.status.into(),
        updated_at: row.updated_at,
    });
    Ok((total, tasks.collect()))
}

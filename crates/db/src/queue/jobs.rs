//! Jobs and their attempts, as far as trials, analyses and verdicts are alike.
//!
//! A job is locked before anything is written about its attempt, and every write names the fencing token.

use std::time::Duration;

use oddish_domain::failure::FailureClass;
use oddish_domain::status::{AttemptOutcome, JobKind, JobState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Doing;
use crate::word::Word;
use crate::{DbError, Tx, breakers};

/// How long a lease lasts from its renewal. Long enough for the database to fail over.
pub const LEASE: time::Duration = time::Duration::minutes(5);

/// One try of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRef {
    /// What there is to do.
    pub kind: JobKind,
    /// For what: the trial to run or to analyse, or the task to judge.
    pub subject: String,
    /// Number of the attempt, from 1; each kind of job of a subject has numbers of its own.
    pub number: i32,
    /// Fencing token: without it nothing can be written for this attempt.
    pub token: Uuid,
}

impl AttemptRef {
    pub(crate) fn read(kind: Word<JobKind>, subject: String, number: i32, token: Uuid) -> Self {
        Self { kind: kind.into(), subject, number, token }
    }
}

/// An attempt that has begun and not ended, and the process that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveAttempt {
    /// The attempt.
    pub attempt: AttemptRef,
    /// The process.
    pub process: ProcessIdentity,
}

/// One process for good: a process id alone is used again by the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Name of the machine.
    pub host: String,
    /// Process id on it.
    pub pid: i32,
    /// When the process started, to the second.
    pub started_at: OffsetDateTime,
}

/// Whether a write counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// It did.
    Accepted,
    /// The token is stale: the attempt was closed or replaced meanwhile, and nothing was written.
    Stale,
}

/// What recording an outcome led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The trial has ended.
    Ended,
    /// The attempt failed, and the trial is tried again.
    Retried {
        /// When it may be claimed.
        at: OffsetDateTime,
    },
    /// The token is stale: the attempt was closed or replaced meanwhile, and nothing was written.
    Stale,
}

/// The job of an attempt, locked.
pub(crate) struct Job {
    pub(crate) id: i64,
    pub(crate) attempt: AttemptRef,
    pub(crate) queue_key: String,
}

/// Gives the job its lease and its attempt the process that runs it, if the token is that of a claim nobody has begun.
pub(crate) async fn begin_job(
    tx: &mut Tx,
    token: Uuid,
    kinds: &[JobKind],
    process: &ProcessIdentity,
    now: OffsetDateTime,
) -> Result<Option<Job>, DbError> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let row = sqlx::query!(
        r#"with begun as (
            update oddish.jobs set state = 'begun', begin_by = null, lease_until = $2
            where token = $1 and state = 'claimed' and kind = any($3)
            returning id, kind, trial_id, task_id, attempt, queue_key, token),
        noted as (
            update oddish.attempts a set begun_at = $4, host = $5, pid = $6, process_started_at = $7
            from begun b where a.token = b.token and a.begun_at is null)
        select id, kind as "kind!: Word<JobKind>", coalesce(trial_id, task_id) as "subject!", attempt, queue_key, token as "token!" from begun"#,
        token,
        now + LEASE,
        &kinds as &[&str],
        now,
        process.host,
        process.pid,
        process.started_at
    )
    .fetch_optional(&mut *tx)
    .await
    .doing("begin an attempt")?;
    Ok(row.map(|row| {
        let attempt = AttemptRef::read(row.kind, row.subject, row.attempt, row.token);
        Job { id: row.id, attempt, queue_key: row.queue_key }
    }))
}

pub(crate) async fn lock_job(tx: &mut Tx, token: Uuid, states: &[JobState]) -> Result<Option<Job>, DbError> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let row = sqlx::query!(
        r#"select id, kind as "kind!: Word<JobKind>", coalesce(trial_id, task_id) as "subject!", attempt, queue_key, token as "token!" from oddish.jobs
        where token = $1 and state = any($2) for update"#,
        token,
        &states as &[&str]
    )
    .fetch_optional(&mut *tx)
    .await
    .doing("lock the job of an attempt")?;
    Ok(row.map(|row| {
        let attempt = AttemptRef::read(row.kind, row.subject, row.attempt, row.token);
        Job { id: row.id, attempt, queue_key: row.queue_key }
    }))
}

/// How an attempt is closed.
pub(crate) struct Closing<'a> {
    pub(crate) outcome: AttemptOutcome,
    pub(crate) class: Option<FailureClass>,
    pub(crate) error: Option<&'a str>,
}

pub(crate) async fn close_attempt(
    tx: &mut Tx,
    job: &Job,
    closing: Closing<'_>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.attempts set ended_at = $2, outcome = $3, error = $4, error_class = $5
        where token = $1 and ended_at is null",
        job.attempt.token,
        now,
        closing.outcome.as_str(),
        closing.error,
        closing.class.map(FailureClass::as_str)
    )
    .execute(&mut *tx)
    .await
    .done("close an attempt")
}

/// Tells the key's breaker that an attempt ended which says nothing about the account: if it was the probe, another is due.
pub(crate) async fn silent(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    breakers::observe(tx, &job.queue_key, job.attempt.token, breakers::Served::SILENT, now).await
}

/// Puts a job back to be claimed when the time is over, and returns when that is.
pub(crate) async fn wait(
    tx: &mut Tx,
    job: &Job,
    time: Duration,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, DbError> {
    let due = now + time;
    let state = if time.is_zero() { JobState::Ready } else { JobState::Waiting };
    sqlx::query!(
        "update oddish.jobs
        set state = $2, due_at = $3, token = null, slot = null, begin_by = null, lease_until = null, suspect_since = null
        where id = $1",
        job.id,
        state.as_str(),
        due
    )
    .execute(&mut *tx)
    .await
    .doing("put a job back")?;
    Ok(due)
}

pub(crate) async fn end_job(tx: &mut Tx, job: &Job) -> Result<(), DbError> {
    sqlx::query!("delete from oddish.jobs where id = $1", job.id).execute(&mut *tx).await.done("end a job")
}

//! The ends of attempts that recorded nothing.

use std::time::Duration;

use oddish_domain::failure::FailureClass;
use oddish_domain::retry::{Decision, Ending, RetrySettings};
use oddish_domain::status::{AttemptOutcome, JobKind, JobState};
use sqlx::{PgPool, PgTransaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Fenced, Job, lock_job, recording};
use crate::leases::SUSPICION;
use crate::statements::On;
use crate::{DbError, breakers, judging, stages};

/// The error type of a trial whose runner was lost once too often.
const RUNNER_LOST: &str = "RunnerLost";
/// The error type of a trial that can never be launched.
const NOT_LAUNCHED: &str = "RunnerNotLaunched";
/// What a trial says that somebody cancelled (contract 3.3).
const CANCELLED_BY_USER: &str = "Cancelled by user";

/// What became of a trial whose attempt ended without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLoss {
    /// It will be tried again.
    Retried,
    /// Its tries are used up: it has failed.
    Failed,
    /// Somebody had asked for its end, which this is.
    Cancelled,
    /// The token was stale, or the lease was renewed; nothing was written.
    Stale,
}

/// Closes an attempt whose runner is gone without having recorded anything. The trial is tried again, or fails when its tries are used up.
/// A runner that was gone before it began counts too: one that can never begin would be started for ever otherwise.
pub async fn lose(
    pool: &PgPool,
    token: Uuid,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let doing = "close a lost attempt";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, &[JobState::Claimed, JobState::Begun]).await? else {
        return Ok(AfterLoss::Stale);
    };
    let after = lose_locked(&mut transaction, &job, error, rules, now).await?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(after)
}

/// Closes an attempt whose lease ran out, as [`lose`] does, unless it was renewed meanwhile.
pub async fn reap(
    pool: &PgPool,
    token: Uuid,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let doing = "reap an attempt";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let dead = sqlx::query_scalar!(
        "select id from oddish.jobs where token = $1 and state = 'begun' and suspect_since <= $2 for update",
        token,
        now - SUSPICION
    )
    .fetch_optional(On(&mut *transaction))
    .await
    .map_err(DbError::while_doing(doing))?;
    if dead.is_none() {
        return Ok(AfterLoss::Stale);
    }
    let Some(job) = lock_job(&mut transaction, token, &[JobState::Begun]).await? else {
        return Ok(AfterLoss::Stale);
    };
    let after = lose_locked(&mut transaction, &job, error, rules, now).await?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(after)
}

async fn lose_locked(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let class = Ending::Lost.class();
    let decision = recording::decide(transaction, job, Ending::Lost, rules).await?;
    close_attempt(transaction, job, Closing { outcome: AttemptOutcome::Lost, class, error: Some(error) }, now).await?;
    silent(transaction, job, now).await?;
    if job.kind != JobKind::Trial {
        return match decision {
            Decision::Retry { after } => {
                judging::queue_again(transaction, job, now).await?;
                wait(transaction, job, after, now).await?;
                Ok(AfterLoss::Retried)
            }
            Decision::Fail => {
                judging::fail(transaction, job, error, now).await?;
                Ok(AfterLoss::Failed)
            }
        };
    }
    // A trial that had not begun keeps its status: it was never anything but waiting.
    sqlx::query!(
        "update oddish.trials
        set attempts = attempts + (case when status = 'running' then 0 else 1 end), error_type = $2, error_message = $3,
            error_class = $4, updated_at = $5, harbor_stage = null,
            status = (case when status = 'running' then 'retrying' else status end)
        where id = $1",
        job.subject,
        RUNNER_LOST,
        error,
        class.map(FailureClass::as_str),
        now
    )
    .execute(On(&mut **transaction))
    .await
    .map_err(DbError::while_doing("note that a runner was lost"))?;
    if cancel_requested(transaction, job).await? {
        end_cancelled(transaction, job, now).await?;
        return Ok(AfterLoss::Cancelled);
    }
    match decision {
        Decision::Retry { after } => {
            wait(transaction, job, after, now).await?;
            Ok(AfterLoss::Retried)
        }
        Decision::Fail => {
            fail_trial(transaction, job, RUNNER_LOST, error, now).await?;
            Ok(AfterLoss::Failed)
        }
    }
}

/// Ends an attempt that was told to stop before it was done, such as by a server that shuts down. It does not count: the trial is queued
/// again.
pub async fn interrupt(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    put_back(pool, token, JobState::Begun, AttemptOutcome::Interrupted, error, now).await
}

/// Gives back a claim that was not launched, or that no runner began. It does not count: the trial is queued again. A runner that comes late
/// finds its token stale and leaves.
pub async fn give_back(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    put_back(pool, token, JobState::Claimed, AttemptOutcome::GivenBack, error, now).await
}

/// Ends a trial whose attempt can never be launched.
pub async fn launch_failed(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let doing = "fail a trial that cannot be launched";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, &[JobState::Claimed]).await? else {
        return Ok(Fenced::Stale);
    };
    let class = Some(FailureClass::Infrastructure);
    let closing = Closing { outcome: AttemptOutcome::LaunchFailed, class, error: Some(error) };
    close_attempt(&mut transaction, &job, closing, now).await?;
    silent(&mut transaction, &job, now).await?;
    if job.kind != JobKind::Trial {
        judging::fail(&mut transaction, &job, error, now).await?;
    } else if !cancel_if_asked(&mut transaction, &job, now).await? {
        fail_trial(&mut transaction, &job, NOT_LAUNCHED, error, now).await?;
    }
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Fenced::Accepted)
}

/// Ends a trial that its runner stopped because somebody asked for its end.
pub async fn cancelled(pool: &PgPool, token: Uuid, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let doing = "end a cancelled trial";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, &[JobState::Begun]).await? else {
        return Ok(Fenced::Stale);
    };
    if !cancel_if_asked(&mut transaction, &job, now).await? {
        return Ok(Fenced::Stale);
    }
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Fenced::Accepted)
}

async fn put_back(
    pool: &PgPool,
    token: Uuid,
    from: JobState,
    outcome: AttemptOutcome,
    error: &str,
    now: OffsetDateTime,
) -> Result<Fenced, DbError> {
    let doing = "put a trial back into the queue";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, &[from]).await? else {
        return Ok(Fenced::Stale);
    };
    close_attempt(&mut transaction, &job, Closing { outcome, class: None, error: Some(error) }, now).await?;
    silent(&mut transaction, &job, now).await?;
    if job.kind != JobKind::Trial {
        judging::queue_again(&mut transaction, &job, now).await?;
        wait(&mut transaction, &job, Duration::ZERO, now).await?;
    } else if !cancel_if_asked(&mut transaction, &job, now).await? {
        // A trial that had not begun keeps its status: it was never anything but waiting.
        sqlx::query!(
            "update oddish.trials
            set status = 'queued', attempts = greatest(attempts - 1, 0), harbor_stage = null, updated_at = $2
            where id = $1 and status = 'running'",
            job.subject,
            now
        )
        .execute(On(&mut *transaction))
        .await
        .map_err(DbError::while_doing(doing))?;
        wait(&mut transaction, &job, Duration::ZERO, now).await?;
    }
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Fenced::Accepted)
}

/// How an attempt is closed.
pub(crate) struct Closing<'a> {
    pub(crate) outcome: AttemptOutcome,
    pub(crate) class: Option<FailureClass>,
    pub(crate) error: Option<&'a str>,
}

pub(crate) async fn close_attempt(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    closing: Closing<'_>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.attempts set ended_at = $2, outcome = $3, error = $4, error_class = $5
        where token = $1 and ended_at is null",
        job.token,
        now,
        closing.outcome.as_str(),
        closing.error,
        closing.class.map(FailureClass::as_str)
    )
    .execute(On(&mut **transaction))
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("close an attempt"))
}

/// Tells the key's breaker that an attempt ended which says nothing about the account: if it was the probe, another is due.
async fn silent(transaction: &mut PgTransaction<'_>, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    breakers::observe(transaction, &job.queue_key, job.token, breakers::Served::SILENT, now).await
}

/// Puts a job back to be claimed when the time is over, and returns when that is.
pub(crate) async fn wait(
    transaction: &mut PgTransaction<'_>,
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
    .execute(On(&mut **transaction))
    .await
    .map_err(DbError::while_doing("put a job back"))?;
    Ok(due)
}

async fn fail_trial(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    error_type: &str,
    error: &str,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.trials
        set status = 'failed', finished_at = $4, updated_at = $4, error_type = $2, error_message = $3, error_class = $5,
            harbor_stage = 'completed'
        where id = $1 and status in ('queued', 'running', 'retrying')",
        job.subject,
        error_type,
        error,
        now,
        FailureClass::Infrastructure.as_str()
    )
    .execute(On(&mut **transaction))
    .await
    .map_err(DbError::while_doing("fail a trial"))?;
    end_job(transaction, job).await?;
    stages::trials_ended(transaction, std::slice::from_ref(&job.subject), now).await
}

/// Whether somebody asked for the end of the job's trial.
pub(super) async fn cancel_requested(transaction: &mut PgTransaction<'_>, job: &Job) -> Result<bool, DbError> {
    sqlx::query_scalar!(
        r#"select cancel_requested_at is not null as "asked!" from oddish.trials where id = $1"#,
        job.subject
    )
    .fetch_one(On(&mut **transaction))
    .await
    .map_err(DbError::while_doing("ask whether a trial is to end"))
}

/// Ends the trial as cancelled if somebody asked for its end, closing its attempt if that is still open.
pub(super) async fn cancel_if_asked(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    if !cancel_requested(transaction, job).await? {
        return Ok(false);
    }
    let outcome = AttemptOutcome::Cancelled;
    close_attempt(transaction, job, Closing { outcome, class: None, error: Some(CANCELLED_BY_USER) }, now).await?;
    silent(transaction, job, now).await?;
    end_cancelled(transaction, job, now).await?;
    Ok(true)
}

/// Ends the job and its trial as cancelled.
pub(super) async fn end_cancelled(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    mark_cancelled(transaction, std::slice::from_ref(&job.subject), now).await?;
    end_job(transaction, job).await?;
    stages::trials_ended(transaction, std::slice::from_ref(&job.subject), now).await
}

/// Writes into the trials' rows that they ended because somebody asked for it.
pub(crate) async fn mark_cancelled(
    transaction: &mut PgTransaction<'_>,
    trial_ids: &[String],
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.trials
        set status = 'failed', finished_at = $2, updated_at = $2, harbor_stage = 'cancelled', error_type = null,
            error_message = $3, error_class = 'cancelled'
        where id = any($1) and status in ('queued', 'running', 'retrying')",
        trial_ids,
        now,
        CANCELLED_BY_USER
    )
    .execute(On(&mut **transaction))
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("end a cancelled trial"))
}

pub(crate) async fn end_job(transaction: &mut PgTransaction<'_>, job: &Job) -> Result<(), DbError> {
    sqlx::query!("delete from oddish.jobs where id = $1", job.id)
        .execute(On(&mut **transaction))
        .await
        .map(|_| ())
        .map_err(DbError::while_doing("end a job"))
}

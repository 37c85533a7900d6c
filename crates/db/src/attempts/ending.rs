//! The ends of attempts that recorded nothing.

use std::time::Duration;

use oddish_domain::failure::FailureClass;
use oddish_domain::retry::{Decision, Ending, RetrySettings};
use oddish_domain::status::{AttemptOutcome, JobKind, JobState};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Fenced, Job, lock_job, recording};
use crate::error::Doing;
use crate::leases::SUSPICION;
use crate::{Db, DbError, Tx, breakers, judging, stages};

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
    db: &Db,
    token: Uuid,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let doing = "close a lost attempt";
    let mut tx = db.begin().await.doing(doing)?;
    let Some(job) = lock_job(&mut tx, token, &[JobState::Claimed, JobState::Begun]).await? else {
        return Ok(AfterLoss::Stale);
    };
    let after = lose_locked(&mut tx, &job, error, rules, now).await?;
    tx.commit().await.doing(doing)?;
    Ok(after)
}

/// Closes an attempt whose lease ran out, as [`lose`] does, unless it was renewed meanwhile.
pub async fn reap(
    db: &Db,
    token: Uuid,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let doing = "reap an attempt";
    let mut tx = db.begin().await.doing(doing)?;
    let dead = sqlx::query_scalar!(
        "select id from oddish.jobs where token = $1 and state = 'begun' and suspect_since <= $2 for update",
        token,
        now - SUSPICION
    )
    .fetch_optional(&mut tx)
    .await
    .doing(doing)?;
    if dead.is_none() {
        return Ok(AfterLoss::Stale);
    }
    let Some(job) = lock_job(&mut tx, token, &[JobState::Begun]).await? else {
        return Ok(AfterLoss::Stale);
    };
    let after = lose_locked(&mut tx, &job, error, rules, now).await?;
    tx.commit().await.doing(doing)?;
    Ok(after)
}

async fn lose_locked(
    tx: &mut Tx,
    job: &Job,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let class = Ending::Lost.class();
    let decision = recording::decide(tx, job, Ending::Lost, rules).await?;
    close_attempt(tx, job, Closing { outcome: AttemptOutcome::Lost, class, error: Some(error) }, now).await?;
    silent(tx, job, now).await?;
    if job.kind != JobKind::Trial {
        return match decision {
            Decision::Retry { after } => {
                judging::queue_again(tx, job, now).await?;
                wait(tx, job, after, now).await?;
                Ok(AfterLoss::Retried)
            }
            Decision::Fail => {
                judging::fail(tx, job, error, now).await?;
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
    .execute(&mut *tx)
    .await
    .doing("note that a runner was lost")?;
    if cancel_requested(tx, job).await? {
        end_cancelled(tx, job, now).await?;
        return Ok(AfterLoss::Cancelled);
    }
    match decision {
        Decision::Retry { after } => {
            wait(tx, job, after, now).await?;
            Ok(AfterLoss::Retried)
        }
        Decision::Fail => {
            fail_trial(tx, job, RUNNER_LOST, error, now).await?;
            Ok(AfterLoss::Failed)
        }
    }
}

/// Ends an attempt that was told to stop before it was done, such as by a server that shuts down. It does not count: the trial is queued
/// again.
pub async fn interrupt(db: &Db, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    put_back(db, token, JobState::Begun, AttemptOutcome::Interrupted, error, now).await
}

/// Gives back a claim that was not launched, or that no runner began. It does not count: the trial is queued again. A runner that comes late
/// finds its token stale and leaves.
pub async fn give_back(db: &Db, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    put_back(db, token, JobState::Claimed, AttemptOutcome::GivenBack, error, now).await
}

/// Ends a trial whose attempt can never be launched.
pub async fn launch_failed(db: &Db, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let doing = "fail a trial that cannot be launched";
    let mut tx = db.begin().await.doing(doing)?;
    let Some(job) = lock_job(&mut tx, token, &[JobState::Claimed]).await? else {
        return Ok(Fenced::Stale);
    };
    let class = Some(FailureClass::Infrastructure);
    let closing = Closing { outcome: AttemptOutcome::LaunchFailed, class, error: Some(error) };
    close_attempt(&mut tx, &job, closing, now).await?;
    silent(&mut tx, &job, now).await?;
    if job.kind != JobKind::Trial {
        judging::fail(&mut tx, &job, error, now).await?;
    } else if !cancel_if_asked(&mut tx, &job, now).await? {
        fail_trial(&mut tx, &job, NOT_LAUNCHED, error, now).await?;
    }
    tx.commit().await.doing(doing)?;
    Ok(Fenced::Accepted)
}

/// Ends a trial that its runner stopped because somebody asked for its end.
pub async fn cancelled(db: &Db, token: Uuid, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let doing = "end a cancelled trial";
    let mut tx = db.begin().await.doing(doing)?;
    let Some(job) = lock_job(&mut tx, token, &[JobState::Begun]).await? else {
        return Ok(Fenced::Stale);
    };
    if !cancel_if_asked(&mut tx, &job, now).await? {
        return Ok(Fenced::Stale);
    }
    tx.commit().await.doing(doing)?;
    Ok(Fenced::Accepted)
}

async fn put_back(
    db: &Db,
    token: Uuid,
    from: JobState,
    outcome: AttemptOutcome,
    error: &str,
    now: OffsetDateTime,
) -> Result<Fenced, DbError> {
    let doing = "put a trial back into the queue";
    let mut tx = db.begin().await.doing(doing)?;
    let Some(job) = lock_job(&mut tx, token, &[from]).await? else {
        return Ok(Fenced::Stale);
    };
    close_attempt(&mut tx, &job, Closing { outcome, class: None, error: Some(error) }, now).await?;
    silent(&mut tx, &job, now).await?;
    if job.kind != JobKind::Trial {
        judging::queue_again(&mut tx, &job, now).await?;
        wait(&mut tx, &job, Duration::ZERO, now).await?;
    } else if !cancel_if_asked(&mut tx, &job, now).await? {
        // A trial that had not begun keeps its status: it was never anything but waiting.
        sqlx::query!(
            "update oddish.trials
            set status = 'queued', attempts = greatest(attempts - 1, 0), harbor_stage = null, updated_at = $2
            where id = $1 and status = 'running'",
            job.subject,
            now
        )
        .execute(&mut tx)
        .await
        .doing(doing)?;
        wait(&mut tx, &job, Duration::ZERO, now).await?;
    }
    tx.commit().await.doing(doing)?;
    Ok(Fenced::Accepted)
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
        job.token,
        now,
        closing.outcome.as_str(),
        closing.error,
        closing.class.map(FailureClass::as_str)
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("close an attempt")
}

/// Tells the key's breaker that an attempt ended which says nothing about the account: if it was the probe, another is due.
async fn silent(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    breakers::observe(tx, &job.queue_key, job.token, breakers::Served::SILENT, now).await
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

async fn fail_trial(tx: &mut Tx, job: &Job, error_type: &str, error: &str, now: OffsetDateTime) -> Result<(), DbError> {
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
    .execute(&mut *tx)
    .await
    .doing("fail a trial")?;
    end_job(tx, job).await?;
    stages::trials_ended(tx, std::slice::from_ref(&job.subject), now).await
}

/// Whether somebody asked for the end of the job's trial.
pub(super) async fn cancel_requested(tx: &mut Tx, job: &Job) -> Result<bool, DbError> {
    sqlx::query_scalar!(
        r#"select cancel_requested_at is not null as "asked!" from oddish.trials where id = $1"#,
        job.subject
    )
    .fetch_one(&mut *tx)
    .await
    .doing("ask whether a trial is to end")
}

/// Ends the trial as cancelled if somebody asked for its end, closing its attempt if that is still open.
pub(super) async fn cancel_if_asked(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<bool, DbError> {
    if !cancel_requested(tx, job).await? {
        return Ok(false);
    }
    let outcome = AttemptOutcome::Cancelled;
    close_attempt(tx, job, Closing { outcome, class: None, error: Some(CANCELLED_BY_USER) }, now).await?;
    silent(tx, job, now).await?;
    end_cancelled(tx, job, now).await?;
    Ok(true)
}

/// Ends the job and its trial as cancelled.
pub(super) async fn end_cancelled(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    mark_cancelled(tx, std::slice::from_ref(&job.subject), now).await?;
    end_job(tx, job).await?;
    stages::trials_ended(tx, std::slice::from_ref(&job.subject), now).await
}

/// Writes into the trials' rows that they ended because somebody asked for it.
pub(crate) async fn mark_cancelled(tx: &mut Tx, trial_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.trials
        set status = 'failed', finished_at = $2, updated_at = $2, harbor_stage = 'cancelled', error_type = null,
            error_message = $3, error_class = 'cancelled'
        where id = any($1) and status in ('queued', 'running', 'retrying')",
        trial_ids,
        now,
        CANCELLED_BY_USER
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("end a cancelled trial")
}

pub(crate) async fn end_job(tx: &mut Tx, job: &Job) -> Result<(), DbError> {
    sqlx::query!("delete from oddish.jobs where id = $1", job.id).execute(&mut *tx).await.map(|_| ()).doing("end a job")
}

//! Ends attempts that recorded nothing.

use oddish_domain::failure::FailureClass;
use oddish_domain::retry::{Decision, Ending, RetrySettings};
use oddish_domain::status::{AttemptOutcome, JobState};
use time::OffsetDateTime;
use uuid::Uuid;

use super::decision::decide;
use super::{subject, trial_end};
use crate::error::Doing;
use crate::jobs::{Closing, Fenced, close_attempt, lock_job, silent};
use crate::leases::SUSPICION;
use crate::{Db, DbError, Tx};

/// The error type of a trial whose runner was lost once too often.
const RUNNER_LOST: &str = "RunnerLost";
/// The error type of a trial that can never be launched.
const NOT_LAUNCHED: &str = "RunnerNotLaunched";

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
/// A runner that was gone before it began counts too: one that can never begin would be started forever otherwise.
pub async fn lose(
    db: &Db,
    token: Uuid,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let tx = db.begin().await.doing("close a lost attempt")?;
    lose_within(tx, token, error, rules, now).await
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
    );
    match dead.fetch_optional(&mut tx).await.doing(doing)? {
        Some(_) => lose_within(tx, token, error, rules, now).await,
        None => Ok(AfterLoss::Stale),
    }
}

async fn lose_within(
    mut tx: Tx,
    token: Uuid,
    error: &str,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<AfterLoss, DbError> {
    let Some(job) = lock_job(&mut tx, token, &[JobState::Claimed, JobState::Begun]).await? else {
        return Ok(AfterLoss::Stale);
    };
    let class = Ending::Lost.class();
    let decision = decide(&mut tx, &job, Ending::Lost, rules).await?;
    close_attempt(&mut tx, &job, Closing { outcome: AttemptOutcome::Lost, class, error: Some(error) }, now).await?;
    silent(&mut tx, &job, now).await?;
    let after = if subject::lost(&mut tx, &job, (RUNNER_LOST, error), class, now).await? {
        AfterLoss::Cancelled
    } else if let Decision::Retry { after } = decision {
        subject::retry(&mut tx, &job, after, now).await?;
        AfterLoss::Retried
    } else {
        subject::fail(&mut tx, &job, RUNNER_LOST, error, now).await?;
        AfterLoss::Failed
    };
    tx.commit().await.doing("close a lost attempt")?;
    Ok(after)
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
    if !subject::cancel_if_asked(&mut tx, &job, now).await? {
        subject::fail(&mut tx, &job, NOT_LAUNCHED, error, now).await?;
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
    if !trial_end::cancel_if_asked(&mut tx, &job, now).await? {
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
    subject::put_back(&mut tx, &job, now).await?;
    tx.commit().await.doing(doing)?;
    Ok(Fenced::Accepted)
}

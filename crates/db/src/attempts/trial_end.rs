//! The end of a trial without a result: it failed for good, or was cancelled.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::AttemptOutcome;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::jobs::{Closing, Job, close_attempt, end_job, silent};
use crate::{DbError, Tx, stages};

/// Error of a cancelled trial (docs/compatibility.md, 3.3).
const CANCELLED_BY_USER: &str = "Cancelled by user";

pub(crate) async fn fail_trial(
    tx: &mut Tx,
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
        job.attempt.subject,
        error_type,
        error,
        now,
        FailureClass::Infrastructure.as_str()
    )
    .execute(&mut *tx)
    .await
    .doing("fail a trial")?;
    end_job(tx, job).await?;
    stages::trials_ended(tx, std::slice::from_ref(&job.attempt.subject), now).await
}

/// Whether somebody asked for the end of the job's trial.
pub(crate) async fn cancel_requested(tx: &mut Tx, job: &Job) -> Result<bool, DbError> {
    sqlx::query_scalar!(
        r#"select cancel_requested_at is not null as "asked!" from oddish.trials where id = $1"#,
        job.attempt.subject
    )
    .fetch_one(&mut *tx)
    .await
    .doing("ask whether a trial is to end")
}

/// Ends the trial as cancelled if somebody asked for its end, closing its attempt if that is still open.
pub(crate) async fn cancel_if_asked(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<bool, DbError> {
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
pub(crate) async fn end_cancelled(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    mark_cancelled(tx, std::slice::from_ref(&job.attempt.subject), now).await?;
    end_job(tx, job).await?;
    stages::trials_ended(tx, std::slice::from_ref(&job.attempt.subject), now).await
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
    .done("end a cancelled trial")
}

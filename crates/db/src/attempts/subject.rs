//! Consequences of an attempt without a result for the job's subject: a trial, an analysis or a verdict.
//!
//! The attempt is closed by the caller, and the job's row is locked.

use std::time::Duration;

use oddish_domain::failure::FailureClass;
use oddish_domain::status::JobKind;
use serde_json::Value;
use time::OffsetDateTime;

use super::trial_end;
use crate::error::Doing;
use crate::jobs::{self, Job};
use crate::{DbError, Tx, stages};

/// The attempt was lost. Returns whether that is the end because somebody had asked for it.
pub(crate) async fn lost(
    tx: &mut Tx,
    job: &Job,
    (error_type, error): (&str, &str),
    class: Option<FailureClass>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    match job.attempt.kind {
        JobKind::Trial => {
            // A trial that had not begun keeps its status: it was never anything but waiting.
            sqlx::query!(
                "update oddish.trials
                set attempts = attempts + (case when status = 'running' then 0 else 1 end), error_type = $2, error_message = $3,
                    error_class = $4, updated_at = $5, harbor_stage = null,
                    status = (case when status = 'running' then 'retrying' else status end)
                where id = $1",
                job.attempt.subject,
                error_type,
                error,
                class.map(FailureClass::as_str),
                now
            )
            .execute(&mut *tx)
            .await
            .doing("note that a runner was lost")?;
            let asked = trial_end::cancel_requested(tx, job).await?;
            if asked {
                trial_end::end_cancelled(tx, job, now).await?;
            }
            Ok(asked)
        }
        JobKind::Analysis | JobKind::Verdict => Ok(false),
    }
}

/// Puts the job back for another try after a failure, and returns when that is due.
pub(crate) async fn retry(
    tx: &mut Tx,
    job: &Job,
    after: Duration,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, DbError> {
    queue_judgement_again(tx, job, now).await?;
    jobs::wait(tx, job, after, now).await
}

/// Puts the job back as if the attempt had never been.
pub(crate) async fn put_back(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    if cancel_if_asked(tx, job, now).await? {
        return Ok(());
    }
    if job.attempt.kind == JobKind::Trial {
        // A trial that had not begun keeps its status: it was never anything but waiting.
        sqlx::query!(
            "update oddish.trials
            set status = 'queued', attempts = greatest(attempts - 1, 0), harbor_stage = null, updated_at = $2
            where id = $1 and status = 'running'",
            job.attempt.subject,
            now
        )
        .execute(&mut *tx)
        .await
        .doing("put a trial back into the queue")?;
    }
    retry(tx, job, Duration::ZERO, now).await?;
    Ok(())
}

/// Ends the job as failed.
pub(crate) async fn fail(
    tx: &mut Tx,
    job: &Job,
    error_type: &str,
    error: &str,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    match job.attempt.kind {
        JobKind::Trial => trial_end::fail_trial(tx, job, error_type, error, now).await,
        JobKind::Analysis | JobKind::Verdict => end_judgement(tx, job, Err(error), now).await,
    }
}

/// Ends an analysis or a verdict with its judgement, or with what went wrong, and takes its task on.
pub(crate) async fn end_judgement(
    tx: &mut Tx,
    job: &Job,
    judged: Result<&Value, &str>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let doing = "end a judgement";
    let status = if judged.is_ok() { "success" } else { "failed" };
    let task_id = if job.attempt.kind == JobKind::Analysis {
        sqlx::query_scalar!(
            "update oddish.trials
            set analysis_status = $2, analysis = $3, analysis_error = $4, analysis_finished_at = $5, updated_at = $5
            where id = $1 and analysis_status in ('queued', 'running')
            returning task_id",
            job.attempt.subject,
            status,
            judged.ok(),
            judged.err(),
            now
        )
        .fetch_one(&mut *tx)
        .await
        .doing(doing)?
    } else {
        // A verdict that failed does not keep its task from being completed (docs/compatibility.md, 3.2).
        sqlx::query!(
            "update oddish.tasks
            set verdict_status = $2, verdict = $3, verdict_error = $4, verdict_finished_at = $5, updated_at = $5,
                status = 'completed', finished_at = $5
            where id = $1 and status = 'verdict_pending'",
            job.attempt.subject,
            status,
            judged.ok(),
            judged.err(),
            now
        )
        .execute(&mut *tx)
        .await
        .doing(doing)?;
        job.attempt.subject.clone()
    };
    jobs::end_job(tx, job).await?;
    stages::move_on(tx, &[task_id], now).await
}

async fn queue_judgement_again(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    let queued = match job.attempt.kind {
        JobKind::Trial => return Ok(()),
        JobKind::Analysis => {
            sqlx::query!(
                "update oddish.trials set analysis_status = 'queued', updated_at = $2 where id = $1 and analysis_status = 'running'",
                job.attempt.subject,
                now
            )
            .execute(&mut *tx)
            .await
        }
        JobKind::Verdict => {
            sqlx::query!(
                "update oddish.tasks set verdict_status = 'queued', updated_at = $2 where id = $1 and verdict_status = 'running'",
                job.attempt.subject,
                now
            )
            .execute(&mut *tx)
            .await
        }
    };
    queued.done("queue a judgement again")
}

/// Ends the job if somebody asked for its trial's end. Judgements are withdrawn with the cancellation of their task.
pub(crate) async fn cancel_if_asked(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<bool, DbError> {
    Ok(job.attempt.kind == JobKind::Trial && trial_end::cancel_if_asked(tx, job, now).await?)
}

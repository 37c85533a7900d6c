//! Analyses of trials and verdicts on tasks: what whoever makes them reads, and writes through its fencing token.
//!
//! They are jobs like trials, claimed by [`crate::queue`], with slots, leases and tries of their own. They are cheap to make again: where
//! a user withdraws one that runs, its slot is freed at once, and its maker finds his token stale.

use oddish_domain::breaker::Signal;
use oddish_domain::failure::Failure;
use oddish_domain::retry::{Decision, Ending, RetrySettings};
use oddish_domain::status::{AttemptOutcome, JobKind, JobState};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::attempts::{self, Closing, Job, ProcessIdentity, Recorded};
use crate::error::Doing;
use crate::{Db, DbError, Tx, breakers, stages};

/// Tries at the most of an analysis or a verdict that fails for reasons of its own.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// What an analysis or a verdict says that a user withdrew by cancelling its task (contract 3.4).
const CANCELLED_BY_USER: &str = "Cancelled by user";

/// What is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// How one trial went.
    Trial {
        /// The trial.
        trial_id: String,
        /// Its reward, if it has one.
        reward: Option<f64>,
        /// Prefix of its files, if it left any.
        artifact_prefix: Option<String>,
        /// Where the archive of its task's version is stored.
        archive_key: String,
    },
    /// A task, by the analyses of its trials.
    Task {
        /// The task.
        task_id: String,
        /// The analyses that succeeded, by trial index.
        analyses: Vec<Value>,
    },
}

/// Begins an analysis or a verdict. `None` when the token is stale, or is that of a trial.
pub async fn begin(
    db: &Db,
    token: Uuid,
    process: &ProcessIdentity,
    now: OffsetDateTime,
) -> Result<Option<Subject>, DbError> {
    let doing = "begin to judge";
    let mut tx = db.begin().await.doing(doing)?;
    let kinds = [JobKind::Analysis, JobKind::Verdict];
    let Some(job) = attempts::begin_job(&mut tx, token, &kinds, process, now).await? else {
        return Ok(None);
    };
    let subject = if job.kind == JobKind::Analysis {
        let trial = sqlx::query!(
            "update oddish.trials t set analysis_status = 'running', analysis_started_at = $2, updated_at = $2
            from oddish.task_versions v
            where t.id = $1 and t.analysis_status = 'queued' and v.task_id = t.task_id and v.version = t.task_version
            returning t.reward, t.artifact_prefix, v.archive_key",
            job.subject,
            now
        )
        .fetch_one(&mut tx)
        .await
        .doing(doing)?;
        Subject::Trial {
            trial_id: job.subject,
            reward: trial.reward,
            artifact_prefix: trial.artifact_prefix,
            archive_key: trial.archive_key,
        }
    } else {
        sqlx::query!(
            "update oddish.tasks set verdict_status = 'running', verdict_started_at = $2, updated_at = $2
            where id = $1 and verdict_status = 'queued'",
            job.subject,
            now
        )
        .execute(&mut tx)
        .await
        .doing(doing)?;
        let analyses = sqlx::query_scalar!(
            r#"select analysis as "analysis!" from oddish.trials
            where task_id = $1 and analysis_status = 'success' order by trial_index"#,
            job.subject
        )
        .fetch_all(&mut tx)
        .await
        .doing(doing)?;
        Subject::Task { task_id: job.subject, analyses }
    };
    tx.commit().await.doing(doing)?;
    Ok(Some(subject))
}

/// Why something could not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgingError {
    /// Type of the error, as [`Failure::of`] reads it.
    pub error_type: String,
    /// What went wrong.
    pub message: String,
}

/// Records an analysis or a verdict, or that it failed; that is tried again as the failure's class allows. All or nothing, with what follows
/// from it for the task.
pub async fn record(
    db: &Db,
    token: Uuid,
    judged: &Result<Value, JudgingError>,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<Recorded, DbError> {
    let doing = "record a judgement";
    let mut tx = db.begin().await.doing(doing)?;
    let job = attempts::lock_job(&mut tx, token, &[JobState::Begun]).await?;
    let Some(job) = job.filter(|job| job.kind != JobKind::Trial) else {
        return Ok(Recorded::Stale);
    };
    let failure = judged.as_ref().err().map(|error| Failure::of(&error.error_type, &error.message, now));
    let class = failure.map(|failure| failure.class);
    let error = judged.as_ref().err();
    let decision = match failure {
        None => Decision::Fail,
        Some(failure) => attempts::decide(&mut tx, &job, Ending::Failed(failure), rules).await?,
    };
    let text = error.map(|error| error.message.as_str());
    let closing = Closing { outcome: AttemptOutcome::Recorded, class, error: text };
    attempts::close_attempt(&mut tx, &job, closing, now).await?;
    let error_type = error.map_or("", |error| error.error_type.as_str());
    let served = breakers::Served { signal: Signal::of(class), class, error_type };
    breakers::observe(&mut tx, &job.queue_key, token, served, now).await?;
    let recorded = match (judged, decision) {
        (Err(_), Decision::Retry { after }) => {
            queue_again(&mut tx, &job, now).await?;
            Recorded::Retried { at: attempts::wait(&mut tx, &job, after, now).await? }
        }
        (Err(error), Decision::Fail) => {
            fail(&mut tx, &job, &error.message, now).await?;
            Recorded::Ended
        }
        (Ok(judgement), _) => {
            end(&mut tx, &job, Some(judgement), None, now).await?;
            Recorded::Ended
        }
    };
    tx.commit().await.doing(doing)?;
    Ok(recorded)
}

/// Queues the analyses of those of the trials that have ended and are to be analysed; of those that were cancelled only if somebody asks for
/// it. The tasks' rows are locked.
pub(crate) async fn queue_analyses(
    tx: &mut Tx,
    trial_ids: &[String],
    even_cancelled: bool,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "with queued as (
            update oddish.trials t set analysis_status = 'queued', updated_at = $2
            from oddish.tasks k
            where t.id = any($1) and t.status in ('success', 'failed') and t.analysis_status is null and ($3 or t.cancel_requested_at is null)
                and k.id = t.task_id and k.analysis_key is not null and k.cancel_requested_at is null
            returning t.id, t.trial_index, k.analysis_key, coalesce(k.key_owner, k.submitted_by, '') as submitter, k.priority)
        insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at, attempt)
        select 'analysis', q.id, q.analysis_key, q.submitter, case q.priority when 'high' then 0 else 1 end, $2,
            coalesce((select max(number) from oddish.attempts a where a.trial_id = q.id and a.kind = 'analysis' and a.ended_at is not null), 0)
        from queued q order by q.trial_index",
        trial_ids,
        now,
        even_cancelled
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("queue analyses")
}

/// Queues the verdicts on tasks whose analyses have ended. The tasks' rows are locked.
pub(crate) async fn queue_verdicts(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "with queued as (
            update oddish.tasks set status = 'verdict_pending', verdict_status = 'queued', updated_at = $2
            where id = any($1) and status = 'analyzing'
            returning id, verdict_key, coalesce(key_owner, submitted_by, '') as submitter, priority)
        insert into oddish.jobs (kind, task_id, queue_key, submitter, priority, due_at, attempt)
        select 'verdict', q.id, q.verdict_key, q.submitter, case q.priority when 'high' then 0 else 1 end, $2,
            coalesce((select max(number) from oddish.attempts a where a.task_id = q.id), 0)
        from queued q order by q.id",
        task_ids,
        now
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("queue verdicts")
}

/// Notes that the job waits to be claimed again.
pub(crate) async fn queue_again(tx: &mut Tx, job: &Job, now: OffsetDateTime) -> Result<(), DbError> {
    let queued = if job.kind == JobKind::Analysis {
        sqlx::query!(
            "update oddish.trials set analysis_status = 'queued', updated_at = $2 where id = $1 and analysis_status = 'running'",
            job.subject,
            now
        )
        .execute(&mut *tx)
        .await
    } else {
        sqlx::query!(
            "update oddish.tasks set verdict_status = 'queued', updated_at = $2 where id = $1 and verdict_status = 'running'",
            job.subject,
            now
        )
        .execute(&mut *tx)
        .await
    };
    queued.map(|_| ()).doing("queue a judgement again")
}

/// Ends the job, whose attempt is closed, without a judgement.
pub(crate) async fn fail(tx: &mut Tx, job: &Job, error: &str, now: OffsetDateTime) -> Result<(), DbError> {
    end(tx, job, None, Some(error), now).await
}

async fn end(
    tx: &mut Tx,
    job: &Job,
    judgement: Option<&Value>,
    error: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let doing = "end a judgement";
    let status = if judgement.is_some() { "success" } else { "failed" };
    let task_id = if job.kind == JobKind::Analysis {
        sqlx::query_scalar!(
            "update oddish.trials
            set analysis_status = $2, analysis = $3, analysis_error = $4, analysis_finished_at = $5, updated_at = $5
            where id = $1 and analysis_status in ('queued', 'running')
            returning task_id",
            job.subject,
            status,
            judgement,
            error,
            now
        )
        .fetch_one(&mut *tx)
        .await
        .doing(doing)?
    } else {
        // A verdict that failed does not keep its task from being completed (contract 3.2).
        sqlx::query!(
            "update oddish.tasks
            set verdict_status = $2, verdict = $3, verdict_error = $4, verdict_finished_at = $5, updated_at = $5,
                status = 'completed', finished_at = $5
            where id = $1 and status = 'verdict_pending'",
            job.subject,
            status,
            judgement,
            error,
            now
        )
        .execute(&mut *tx)
        .await
        .doing(doing)?;
        job.subject.clone()
    };
    attempts::end_job(tx, job).await?;
    stages::move_on(tx, &[task_id], now).await
}

/// Locks the jobs that judge these tasks. Whoever records a judgement has locked its job first, so whoever is about to change what is judged
/// does so too, or each would wait for the other.
pub(crate) async fn lock(tx: &mut Tx, task_ids: &[String]) -> Result<(), DbError> {
    if task_ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "select from oddish.jobs
        where task_id = any($1)
            or (kind = 'analysis' and trial_id in (
                select id from oddish.trials where task_id = any($1) and analysis_status in ('queued', 'running')))
        order by id for update",
        task_ids
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("lock the judging of tasks")
}

/// Locks the jobs that analyse these trials and that judge their tasks, as [`lock`] does.
pub(crate) async fn lock_analyses(tx: &mut Tx, trial_ids: &[String]) -> Result<(), DbError> {
    sqlx::query!(
        "select from oddish.jobs
        where (trial_id = any($1) and kind = 'analysis')
            or task_id in (select task_id from oddish.trials where id = any($1))
        order by id for update",
        trial_ids
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("lock the analyses of trials")
}

/// Takes back the analyses of trials that are run again, whether they wait or run.
pub(crate) async fn withdraw_analyses(tx: &mut Tx, trial_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    let tokens = sqlx::query_scalar!(
        "delete from oddish.jobs where trial_id = any($1) and kind = 'analysis' returning token",
        trial_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing("withdraw analyses")?;
    close_withdrawn(tx, tokens, "The trial is run again.", now).await
}

/// Takes back the verdicts on tasks that run again, whether they wait or run.
pub(crate) async fn withdraw_verdicts(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    let tokens = sqlx::query_scalar!("delete from oddish.jobs where task_id = any($1) returning token", task_ids)
        .fetch_all(&mut *tx)
        .await
        .doing("withdraw verdicts")?;
    close_withdrawn(tx, tokens, "The task has more trials to run.", now).await
}

/// Closes the attempts of jobs that were deleted. In a statement of its own: the deletion may have waited for a claim, and would not see
/// the attempt that came with it.
pub(crate) async fn close_withdrawn(
    tx: &mut Tx,
    tokens: Vec<Option<Uuid>>,
    error: &str,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let tokens: Vec<Uuid> = tokens.into_iter().flatten().collect();
    sqlx::query!(
        "update oddish.attempts set ended_at = $2, outcome = 'cancelled', error = $3
        where token = any($1) and ended_at is null",
        &tokens,
        now,
        error
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("close withdrawn attempts")
}

/// Ends all judging of tasks that were cancelled, whether it waits or runs.
pub(crate) async fn cancel(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    let doing = "cancel the judging of tasks";
    if task_ids.is_empty() {
        return Ok(());
    }
    let trial_ids = sqlx::query_scalar!(
        "update oddish.trials set analysis_status = 'failed', analysis_error = $3, analysis_finished_at = $2, updated_at = $2
        where task_id = any($1) and analysis_status in ('queued', 'running') returning id",
        task_ids,
        now,
        CANCELLED_BY_USER
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    withdraw_analyses(tx, &trial_ids, now).await?;
    withdraw_verdicts(tx, task_ids, now).await?;
    sqlx::query!(
        "update oddish.tasks
        set verdict_status = 'failed', verdict_error = $3, verdict_finished_at = $2, updated_at = $2, status = 'failed', finished_at = $2
        where id = any($1) and status = 'verdict_pending'",
        task_ids,
        now,
        CANCELLED_BY_USER
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing(doing)
}

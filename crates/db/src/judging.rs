//! Analyses of trials and verdicts on tasks: the worker that makes them reads its input here, and writes through its fencing token.
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

use crate::attempts::decision::decide;
use crate::attempts::subject;
use crate::error::Doing;
use crate::jobs::{self, Closing, ProcessIdentity, Recorded};
use crate::{Db, DbError, breakers};

pub(crate) mod queueing;
pub mod rejudging;
pub(crate) mod stages;

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
    let Some(job) = jobs::begin_job(&mut tx, token, &kinds, process, now).await? else {
        return Ok(None);
    };
    let subject = if job.attempt.kind == JobKind::Analysis {
        let trial = sqlx::query!(
            "update oddish.trials t set analysis_status = 'running', analysis_started_at = $2, updated_at = $2
            from oddish.task_versions v
            where t.id = $1 and t.analysis_status = 'queued' and v.task_id = t.task_id and v.version = t.task_version
            returning t.reward, t.artifact_prefix, v.archive_key",
            job.attempt.subject,
            now
        )
        .fetch_one(&mut tx)
        .await
        .doing(doing)?;
        Subject::Trial {
            trial_id: job.attempt.subject,
            reward: trial.reward,
            artifact_prefix: trial.artifact_prefix,
            archive_key: trial.archive_key,
        }
    } else {
        sqlx::query!(
            "update oddish.tasks set verdict_status = 'running', verdict_started_at = $2, updated_at = $2
            where id = $1 and verdict_status = 'queued'",
            job.attempt.subject,
            now
        )
        .execute(&mut tx)
        .await
        .doing(doing)?;
        let analyses = sqlx::query_scalar!(
            r#"select analysis as "analysis!" from oddish.trials
            where task_id = $1 and analysis_status = 'success' order by trial_index"#,
            job.attempt.subject
        )
        .fetch_all(&mut tx)
        .await
        .doing(doing)?;
        Subject::Task { task_id: job.attempt.subject, analyses }
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
    let job = jobs::lock_job(&mut tx, token, &[JobState::Begun]).await?;
    let Some(job) = job.filter(|job| job.attempt.kind != JobKind::Trial) else {
        return Ok(Recorded::Stale);
    };
    let failure = judged.as_ref().err().map(|error| Failure::of(&error.error_type, &error.message, now));
    let class = failure.map(|failure| failure.class);
    let error = judged.as_ref().err();
    let decision = match failure {
        None => Decision::Fail,
        Some(failure) => decide(&mut tx, &job, Ending::Failed(failure), rules).await?,
    };
    let text = error.map(|error| error.message.as_str());
    let closing = Closing { outcome: AttemptOutcome::Recorded, class, error: text };
    jobs::close_attempt(&mut tx, &job, closing, now).await?;
    let error_type = error.map_or("", |error| error.error_type.as_str());
    let served = breakers::Served { signal: Signal::of(class), class, error_type };
    breakers::observe(&mut tx, &job.queue_key, token, served, now).await?;
    let recorded = match (judged, decision) {
        (Err(_), Decision::Retry { after }) => {
            Recorded::Retried { at: subject::retry(&mut tx, &job, after, now).await? }
        }
        (Err(error), Decision::Fail) => {
            subject::fail(&mut tx, &job, &error.error_type, &error.message, now).await?;
            Recorded::Ended
        }
        (Ok(judgement), _) => {
            subject::end_judgement(&mut tx, &job, Ok(judgement), now).await?;
            Recorded::Ended
        }
    };
    tx.commit().await.doing(doing)?;
    Ok(recorded)
}

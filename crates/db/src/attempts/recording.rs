//! Recording how an attempt came out, and what follows from it.

use oddish_domain::breaker::Signal;
use oddish_domain::failure::{Failure, FailureClass};
use oddish_domain::random;
use oddish_domain::retry::{self, Decision, Ending, Failures, RetrySettings};
use oddish_domain::status::{AttemptOutcome, JobState, TrialStatus};
use sqlx::{PgPool, PgTransaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::ending::{self, Closing};
use super::{Job, Outcome, lock_job};
use crate::error::parse;
use crate::statements::On;
use crate::{DbError, breakers};

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

/// Records how the attempt came out, all or nothing: closes it, frees its slot, and ends the trial and moves its task on, or puts the trial
/// back for another try.
///
/// A failure is tried again as its class allows (`oddish_domain::failure`); where somebody asked for the trial's end, it ends as cancelled. A
/// success is kept even then: it was paid for.
pub async fn record(
    pool: &PgPool,
    token: Uuid,
    outcome: &Outcome,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<Recorded, DbError> {
    let doing = "record the outcome of an attempt";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, &[JobState::Begun]).await? else {
        return Ok(Recorded::Stale);
    };
    let failure = failure(outcome, now);
    let class = failure.map(|failure| failure.class);
    let decision = match failure {
        None => Decision::Fail,
        Some(failure) => decide(&mut transaction, &job, Ending::Failed(failure), rules).await?,
    };
    let closing = Closing { outcome: AttemptOutcome::Recorded, class, error: outcome.error_message.as_deref() };
    ending::close_attempt(&mut transaction, &job, closing, now).await?;
    let error_type = outcome.error_type.as_deref().unwrap_or_default();
    let served = breakers::Served { signal: Signal::of(class), class, error_type };
    breakers::observe(&mut transaction, &job.queue_key, token, served, now).await?;
    let recorded = if class.is_some() && ending::cancel_requested(&mut transaction, &job).await? {
        store(&mut transaction, &job, outcome, class, TrialStatus::Running, now).await?;
        ending::end_cancelled(&mut transaction, &job, now).await?;
        Recorded::Ended
    } else if let Decision::Retry { after } = decision {
        store(&mut transaction, &job, outcome, class, TrialStatus::Retrying, now).await?;
        Recorded::Retried { at: ending::wait(&mut transaction, &job, after, now).await? }
    } else {
        let status = if outcome.succeeded { TrialStatus::Success } else { TrialStatus::Failed };
        store(&mut transaction, &job, outcome, class, status, now).await?;
        ending::end_job(&mut transaction, &job).await?;
        crate::tasks::move_on(&mut transaction, std::slice::from_ref(&job.trial_id), now).await?;
        Recorded::Ended
    };
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(recorded)
}

/// Why the trial has no result that counts; none if it has one.
fn failure(outcome: &Outcome, now: OffsetDateTime) -> Option<Failure> {
    if outcome.succeeded {
        return None;
    }
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    Some(Failure::of(&text(&outcome.error_type), &text(&outcome.error_message), now))
}

/// What becomes of a trial whose newest attempt, which is still open, ends like this.
pub(super) async fn decide(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    ending: Ending,
    rules: &RetrySettings,
) -> Result<Decision, DbError> {
    let doing = "count the failures of a trial";
    let counts = sqlx::query!(
        r#"select a.error_class as "class!", count(*) as "count!"
        from oddish.attempts a join oddish.trials t on t.id = a.trial_id
        where a.trial_id = $1 and a.number > t.retried_after and a.number < $2 and a.error_class is not null
        group by a.error_class"#,
        job.trial_id,
        job.attempt
    )
    .fetch_all(On(&mut **transaction))
    .await
    .map_err(DbError::while_doing(doing))?;
    let counted = counts.into_iter().map(|row| {
        let class: FailureClass = parse("attempts.error_class", &row.class)?;
        Ok((class, u32::try_from(row.count).unwrap_or(u32::MAX)))
    });
    let failures: Failures = counted.collect::<Result<Vec<_>, DbError>>()?.into_iter().collect();
    let max_attempts = sqlx::query_scalar!("select max_attempts from oddish.trials where id = $1", job.trial_id)
        .fetch_one(On(&mut **transaction))
        .await
        .map_err(DbError::while_doing(doing))?;
    Ok(retry::decide(ending, &failures, max_attempts.unsigned_abs(), rules, random::fraction()))
}

/// Writes what the attempt left into the trial's row.
async fn store(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    outcome: &Outcome,
    class: Option<FailureClass>,
    status: TrialStatus,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.trials
        set status = $2, finished_at = case when $2 in ('success', 'failed') then $3::timestamptz end, updated_at = $3,
            harbor_stage = case when $2 in ('success', 'failed') then 'completed' end, reward = $4, rewards = $5, error_type = $6,
            error_message = $7, input_tokens = $8, cache_tokens = $9, output_tokens = $10, cost_usd = $11, phase_timing = $12,
            has_trajectory = $13, artifact_prefix = $14, error_class = $15
        where id = $1 and status = 'running'",
        job.trial_id,
        status.as_str(),
        now,
        outcome.reward,
        outcome.rewards,
        outcome.error_type,
        outcome.error_message,
        outcome.input_tokens,
        outcome.cache_tokens,
        outcome.output_tokens,
        outcome.cost_usd,
        outcome.phase_timing,
        outcome.has_trajectory,
        outcome.artifact_prefix,
        class.map(FailureClass::as_str)
    )
    .execute(On(&mut **transaction))
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("write the outcome of a trial"))
}

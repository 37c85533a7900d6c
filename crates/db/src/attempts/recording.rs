//! Recording how an attempt came out, and what follows from it.

use std::collections::HashMap;

use oddish_domain::breaker::Signal;
use oddish_domain::failure::FailureClass;
use oddish_domain::random;
use oddish_domain::retry::{self, Decision, Ending, Failures, RetrySettings};
use oddish_domain::status::{AttemptOutcome, JobKind, TrialStatus};
use serde::Serialize;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::ending::{self, Closing};
use super::{Job, Outcome};
use crate::error::{Doing, parse};
use crate::{Db, DbError, Tx, breakers, judging, stages};

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
    db: &Db,
    token: Uuid,
    outcome: &Outcome,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<Recorded, DbError> {
    let recorded = record_all(db, &[(token, outcome)], rules, now).await?;
    Ok(recorded.first().copied().unwrap_or(Recorded::Stale))
}

/// Does what [`record`] does for many attempts in one transaction, and tells of each what it led to. Successes, the usual case, take the same
/// few statements however many they are.
pub async fn record_all(
    db: &Db,
    outcomes: &[(Uuid, &Outcome)],
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<Vec<Recorded>, DbError> {
    let doing = "record the outcomes of attempts";
    let mut tx = db.begin().await.doing(doing)?;
    let jobs = lock_trials(&mut tx, outcomes).await?;
    let mut recorded = HashMap::new();
    let mut successes = Vec::new();
    let mut ended = Vec::new();
    for (token, outcome) in outcomes {
        let Some((job, quiet)) = jobs.get(token) else { continue };
        let after = if outcome.succeeded && *quiet {
            successes.push((job, *outcome));
            Recorded::Ended
        } else {
            record_one(&mut tx, job, outcome, rules, now).await?
        };
        if after == Recorded::Ended {
            ended.push(job.subject.clone());
        }
        recorded.insert(*token, after);
    }
    if !successes.is_empty() {
        succeed(&mut tx, &successes, now).await?;
    }
    // All at once, so that tasks are locked in one order.
    stages::trials_ended(&mut tx, &ended, now).await?;
    tx.commit().await.doing(doing)?;
    Ok(outcomes.iter().map(|(token, _)| recorded.get(token).copied().unwrap_or(Recorded::Stale)).collect())
}

/// Locks the begun trials' jobs that these tokens belong to, and tells of each whether its key's breaker has nothing to learn from a success.
async fn lock_trials(tx: &mut Tx, outcomes: &[(Uuid, &Outcome)]) -> Result<HashMap<Uuid, (Job, bool)>, DbError> {
    let tokens: Vec<Uuid> = outcomes.iter().map(|(token, _)| *token).collect();
    let rows = sqlx::query!(
        r#"select j.id, j.trial_id as "trial_id!", j.attempt, j.queue_key, j.token as "token!",
            (k.refusals = 0 and k.paused_by is distinct from 'breaker') as "quiet!"
        from oddish.jobs j join oddish.queue_keys k using (queue_key)
        where j.token = any($1) and j.state = 'begun' and j.kind = 'trial' order by j.id for update of j"#,
        &tokens
    )
    .fetch_all(&mut *tx)
    .await
    .doing("lock the jobs of attempts")?;
    let jobs = rows.into_iter().map(|row| {
        let (id, subject, attempt) = (row.id, row.trial_id, row.attempt);
        let job = Job { id, kind: JobKind::Trial, subject, attempt, queue_key: row.queue_key, token: row.token };
        (row.token, (job, row.quiet))
    });
    Ok(jobs.collect())
}

/// Closes attempts of trials that succeeded, writes what they left, and ends their jobs.
async fn succeed(tx: &mut Tx, successes: &[(&Job, &Outcome)], now: OffsetDateTime) -> Result<(), DbError> {
    let ended: Vec<Ended<'_>> = successes.iter().map(|(job, outcome)| Ended { token: job.token, outcome }).collect();
    sqlx::query!(
        "with outcomes as materialized (
            select * from jsonb_to_recordset($1) as o (token uuid, reward double precision, rewards jsonb, error_type text,
                error_message text, input_tokens bigint, cache_tokens bigint, output_tokens bigint, cost_usd double precision,
                phase_timing jsonb, has_trajectory boolean, artifact_prefix text)),
        ended as (
            delete from oddish.jobs j using outcomes o where j.token = o.token returning j.trial_id, o.*),
        closed as (
            update oddish.attempts a set ended_at = $2, outcome = 'recorded', error = e.error_message
            from ended e where a.token = e.token and a.ended_at is null)
        update oddish.trials t
        set status = 'success', finished_at = $2, updated_at = $2, harbor_stage = 'completed', reward = e.reward, rewards = e.rewards,
            error_type = e.error_type, error_message = e.error_message, error_class = null, input_tokens = e.input_tokens,
            cache_tokens = e.cache_tokens, output_tokens = e.output_tokens, cost_usd = e.cost_usd, phase_timing = e.phase_timing,
            has_trajectory = e.has_trajectory, artifact_prefix = e.artifact_prefix
        from ended e where t.id = e.trial_id and t.status = 'running'",
        Json(ended) as _,
        now
    )
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("write the outcomes of trials")
}

/// An outcome as the statement that writes many reads it.
#[derive(Serialize)]
struct Ended<'a> {
    token: Uuid,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// Records one outcome; what its end means for its task is left to the caller.
async fn record_one(
    tx: &mut Tx,
    job: &Job,
    outcome: &Outcome,
    rules: &RetrySettings,
    now: OffsetDateTime,
) -> Result<Recorded, DbError> {
    let failure = outcome.failure(now);
    let class = failure.map(|failure| failure.class);
    let decision = match failure {
        None => Decision::Fail,
        Some(failure) => decide(tx, job, Ending::Failed(failure), rules).await?,
    };
    let closing = Closing { outcome: AttemptOutcome::Recorded, class, error: outcome.error_message.as_deref() };
    ending::close_attempt(tx, job, closing, now).await?;
    let error_type = outcome.error_type.as_deref().unwrap_or_default();
    let served = breakers::Served { signal: Signal::of(class), class, error_type };
    breakers::observe(tx, &job.queue_key, job.token, served, now).await?;
    if class.is_some() && ending::cancel_requested(tx, job).await? {
        store(tx, job, outcome, class, TrialStatus::Running, now).await?;
        ending::mark_cancelled(tx, std::slice::from_ref(&job.subject), now).await?;
        ending::end_job(tx, job).await?;
        return Ok(Recorded::Ended);
    }
    if let Decision::Retry { after } = decision {
        store(tx, job, outcome, class, TrialStatus::Retrying, now).await?;
        return Ok(Recorded::Retried { at: ending::wait(tx, job, after, now).await? });
    }
    let status = if outcome.succeeded { TrialStatus::Success } else { TrialStatus::Failed };
    store(tx, job, outcome, class, status, now).await?;
    ending::end_job(tx, job).await?;
    Ok(Recorded::Ended)
}

/// What becomes of a job whose newest attempt, which is still open, ends like this. Of a trial those attempts count that came after a
/// user last had it run again, of a judgement those that came after what it judges.
pub(crate) async fn decide(tx: &mut Tx, job: &Job, ending: Ending, rules: &RetrySettings) -> Result<Decision, DbError> {
    let doing = "count the failures of a job";
    let counts = sqlx::query!(
        r#"with earlier as (
            select a.error_class
            from oddish.attempts a join oddish.trials t on t.id = a.trial_id
            where a.trial_id = $1 and a.kind = 'trial' and $2 = 'trial' and a.number > t.retried_after and a.number < $3
                and a.ended_at is not null
            union all
            select a.error_class
            from oddish.attempts a join oddish.trials t on t.id = a.trial_id
            where a.trial_id = $1 and a.kind = 'analysis' and $2 = 'analysis' and a.claimed_at >= t.finished_at
                and a.number < $3 and a.ended_at is not null
            union all
            select a.error_class
            from oddish.attempts a
            where a.task_id = $1 and $2 = 'verdict' and a.number < $3
                and a.claimed_at >= (select max(analysis_finished_at) from oddish.trials where task_id = $1))
        select error_class as "class!", count(*) as "count!" from earlier where error_class is not null group by error_class"#,
        job.subject,
        job.kind.as_str(),
        job.attempt
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    let counted = counts.into_iter().map(|row| {
        let class: FailureClass = parse("attempts.error_class", &row.class)?;
        Ok((class, u32::try_from(row.count).unwrap_or(u32::MAX)))
    });
    let failures: Failures = counted.collect::<Result<Vec<_>, DbError>>()?.into_iter().collect();
    let max_attempts = if job.kind == JobKind::Trial {
        sqlx::query_scalar!("select max_attempts from oddish.trials where id = $1", job.subject)
            .fetch_one(&mut *tx)
            .await
            .doing(doing)?
            .unsigned_abs()
    } else {
        judging::MAX_ATTEMPTS
    };
    Ok(retry::decide(ending, &failures, max_attempts, rules, random::fraction()))
}

/// Writes what the attempt left into the trial's row.
async fn store(
    tx: &mut Tx,
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
        job.subject,
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
    .execute(&mut *tx)
    .await
    .map(|_| ())
    .doing("write the outcome of a trial")
}

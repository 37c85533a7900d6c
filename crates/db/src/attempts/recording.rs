//! Records the outcome of an attempt, and its consequences.

use std::collections::HashMap;

use oddish_domain::breaker::Signal;
use oddish_domain::failure::FailureClass;
use oddish_domain::retry::{Decision, Ending, RetrySettings};
use oddish_domain::status::{JobKind, TrialStatus};
use serde::Serialize;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Outcome;
use super::decision::decide;
use super::trial_end;
use crate::error::Doing;
use crate::jobs::{self, AttemptRef, Job, Recorded};
use crate::{Db, DbError, Tx, breakers, stages};

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
    let mut written = Vec::new();
    let mut cancelled = Vec::new();
    for (token, outcome) in outcomes {
        let Some((job, quiet)) = jobs.get(token) else { continue };
        let failure = outcome.failure(now);
        let class = failure.map(|failure| failure.class);
        let decision = match failure {
            None => Decision::Fail,
            Some(failure) => decide(&mut tx, job, Ending::Failed(failure), rules).await?,
        };
        if !(outcome.succeeded && *quiet) {
            let error_type = outcome.error_type.as_deref().unwrap_or_default();
            let served = breakers::Served { signal: Signal::of(class), class, error_type };
            breakers::observe(&mut tx, &job.queue_key, *token, served, now).await?;
        }
        let (status, after) = if class.is_some() && trial_end::cancel_requested(&mut tx, job).await? {
            cancelled.push(job.attempt.subject.clone());
            (TrialStatus::Running, Recorded::Ended)
        } else if let Decision::Retry { after } = decision {
            (TrialStatus::Retrying, Recorded::Retried { at: jobs::wait(&mut tx, job, after, now).await? })
        } else {
            let status = if outcome.succeeded { TrialStatus::Success } else { TrialStatus::Failed };
            (status, Recorded::Ended)
        };
        let ends = after == Recorded::Ended;
        written.push(Written {
            token: *token,
            trial_id: &job.attempt.subject,
            status: status.as_str(),
            class: class.map(FailureClass::as_str),
            ends,
            outcome,
        });
        recorded.insert(*token, after);
    }
    let ended: Vec<String> =
        written.iter().filter(|written| written.ends).map(|written| written.trial_id.to_owned()).collect();
    write(&mut tx, &written, now).await?;
    if !cancelled.is_empty() {
        trial_end::mark_cancelled(&mut tx, &cancelled, now).await?;
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
        let attempt = AttemptRef { kind: JobKind::Trial, subject: row.trial_id, number: row.attempt, token: row.token };
        let job = Job { id: row.id, attempt, queue_key: row.queue_key };
        (row.token, (job, row.quiet))
    });
    Ok(jobs.collect())
}

/// An outcome as [`write()`] hands it to the database.
#[derive(Serialize)]
struct Written<'a> {
    token: Uuid,
    trial_id: &'a str,
    status: &'static str,
    class: Option<&'static str>,
    /// Whether the job ends with the attempt.
    ends: bool,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// Closes the attempts, writes what they left into the trials' rows, and ends the jobs that end, all in one statement.
async fn write(tx: &mut Tx, written: &[Written<'_>], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "with outcomes as materialized (
            select * from jsonb_to_recordset($1) as o (token uuid, trial_id text, status text, class text, ends boolean,
                reward double precision, rewards jsonb, unconfirmed_reward double precision, error_type text, error_message text,
                input_tokens bigint, cache_tokens bigint, output_tokens bigint, cost_usd double precision, phase_timing jsonb, agent_began boolean,
                has_trajectory boolean, artifact_prefix text, omitted_files jsonb, files_incomplete boolean)),
        ended as (
            delete from oddish.jobs j using outcomes o where j.token = o.token and o.ends),
        closed as (
            update oddish.attempts a set ended_at = $2, outcome = 'recorded', error = o.error_message, error_class = o.class,
                agent_began = o.agent_began, input_tokens = o.input_tokens, cache_tokens = o.cache_tokens, output_tokens = o.output_tokens,
                cost_usd = o.cost_usd
            from outcomes o where a.token = o.token and a.ended_at is null)
        update oddish.trials t
        set status = o.status, finished_at = case when o.status in ('success', 'failed') then $2::timestamptz end, updated_at = $2,
            harbor_stage = case when o.status in ('success', 'failed') then 'completed' end, reward = o.reward, rewards = o.rewards,
            unconfirmed_reward = case when o.status = 'failed' then o.unconfirmed_reward end,
            error_type = o.error_type, error_message = o.error_message, error_class = o.class, input_tokens = o.input_tokens,
            cache_tokens = o.cache_tokens, output_tokens = o.output_tokens, cost_usd = o.cost_usd, phase_timing = o.phase_timing,
            has_trajectory = o.has_trajectory, artifact_prefix = o.artifact_prefix, omitted_files = o.omitted_files,
            files_incomplete = o.files_incomplete
        from outcomes o where t.id = o.trial_id and t.status = 'running'",
        Json(written) as _,
        now
    )
    .execute(&mut *tx)
    .await
    .done("write the outcomes of trials")
}

//! Runs trials again on request.

use serde_json::Value;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::idempotency::Work;
use crate::judging::queueing;
use crate::trial_selection::{self, Selection};
use crate::{Db, DbError, Tx, stages, tallies};

/// What retrying did to the trials that were named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeued {
    /// They had ended, and are queued again.
    pub queued: Vec<String>,
    /// They have not ended, or were imported, and were left alone.
    pub active: Vec<String>,
}

/// Queues the trials that have ended once more, with all their tries, and reopens their tasks. What their last attempt left is no longer
/// their result; its files stay under their own prefix. All or nothing. The caller wakes the dispatcher afterwards.
pub async fn retry(db: &Db, trial_ids: &[String], now: OffsetDateTime) -> Result<Requeued, DbError> {
    let mut work = Work::begin(db).await?;
    let requeued = requeue(&mut work.tx, trial_ids, now).await?;
    work.finish(&Value::Null).await?;
    Ok(requeued)
}

/// Does what [`retry`] does to the selected trials, as part of a request's work.
pub async fn retry_within(work: &mut Work, selection: &Selection, now: OffsetDateTime) -> Result<Requeued, DbError> {
    let trial_ids = trial_selection::ids(&mut work.tx, selection).await?;
    requeue(&mut work.tx, &trial_ids, now).await
}

/// What [`retry`] would do to the selected trials at this moment.
pub async fn foresee(db: &Db, selection: &Selection) -> Result<Requeued, DbError> {
    let mut work = Work::begin(db).await?;
    let trial_ids = trial_selection::ids(&mut work.tx, selection).await?;
    Ok(sort(&mut work.tx, &trial_ids).await?.0)
}

/// Locks the trials, and tells which of them have ended, and which tasks those belong to. One that ran elsewhere cannot be run again here.
async fn sort(tx: &mut Tx, trial_ids: &[String]) -> Result<(Requeued, Vec<String>), DbError> {
    let trials = sqlx::query!(
        r#"select id, task_id, status in ('success', 'failed') and origin = 'oddish' as "over!" from oddish.trials
        where id = any($1) order by id for no key update"#,
        trial_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing("look which trials have ended")?;
    let mut requeued = Requeued::default();
    let mut task_ids = Vec::new();
    for trial in trials {
        if trial.over {
            requeued.queued.push(trial.id);
            task_ids.push(trial.task_id);
        } else {
            requeued.active.push(trial.id);
        }
    }
    Ok((requeued, task_ids))
}

async fn requeue(tx: &mut Tx, trial_ids: &[String], now: OffsetDateTime) -> Result<Requeued, DbError> {
    let doing = "run trials again";
    queueing::lock_analyses(tx, trial_ids).await?;
    let (requeued, task_ids) = sort(tx, trial_ids).await?;
    queueing::withdraw_analyses(tx, &requeued.queued, now).await?;
    sqlx::query!(
        "update oddish.trials t
        set status = 'queued', attempts = 0, harbor_stage = null, artifact_prefix = null, reward = null, rewards = null, unconfirmed_reward = null,
            error_type = null, error_message = null, error_class = null, input_tokens = null, cache_tokens = null,
            output_tokens = null, cost_usd = null, phase_timing = null, has_trajectory = false, omitted_files = null, files_incomplete = false, started_at = null,
            finished_at = null, cancel_requested_at = null, updated_at = $2, analysis_status = null, analysis = null, analysis_error = null,
            analysis_started_at = null, analysis_finished_at = null,
            retried_after = coalesce((select max(number) from oddish.attempts a where a.trial_id = t.id and a.kind = 'trial' and a.ended_at is not null), 0)
        where id = any($1) and status in ('success', 'failed')",
        &requeued.queued,
        now
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    sqlx::query!(
        "insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at, attempt)
        select 'trial', t.id, t.queue_key, coalesce(k.key_owner, k.submitted_by, ''), case k.priority when 'high' then 0 else 1 end, $2, t.retried_after
        from oddish.trials t join oddish.tasks k on k.id = t.task_id
        where t.id = any($1) order by t.task_id, t.trial_index",
        &requeued.queued,
        now
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    stages::reopen(tx, &task_ids, now).await?;
    tallies::recount(tx, &task_ids).await?;
    Ok(requeued)
}

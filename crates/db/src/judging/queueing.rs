//! Queues analyses and verdicts, and withdraws them.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Doing;
use crate::{DbError, Tx};

/// Error of an analysis or a verdict that a user withdrew by cancelling its task (docs/compatibility.md, 3.3).
const CANCELLED_BY_USER: &str = "Cancelled by user";

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
    .done("queue analyses")
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
    .done("queue verdicts")
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
    .done("lock the judging of tasks")
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
    .done("lock the analyses of trials")
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
    .done("close withdrawn attempts")
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
    .done(doing)
}

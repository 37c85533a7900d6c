//! Moves a task through its stages: trials, then analyses and a verdict if they were requested, then the end.
//!
//! A transaction that ends a trial, an analysis or a verdict calls this. The task's row is locked before anything is counted, and later
//! statements count, so that of two ends at the same instant the second sees the first: each stage is
//! reached exactly once.

use time::OffsetDateTime;

use crate::DbError;
use crate::error::Doing;
use crate::judging::queueing;
use crate::{Tx, tallies};

/// Trials have ended: each is to be analysed, where its task is to be judged, and their tasks may have come to the next stage.
pub(crate) async fn trials_ended(tx: &mut Tx, trial_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    if trial_ids.is_empty() {
        return Ok(());
    }
    let tasks = sqlx::query!(
        r#"select id, analysis_key is not null as "judged!" from oddish.tasks
        where id in (select task_id from oddish.trials where id = any($1))
        order by id for no key update"#,
        trial_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing("lock the tasks of trials that ended")?;
    tallies::ended(tx, trial_ids).await?;
    let judged: Vec<String> = tasks.iter().filter(|task| task.judged).map(|task| task.id.clone()).collect();
    if !judged.is_empty() {
        queueing::queue_analyses(tx, trial_ids, false, now).await?;
        advance_judged(tx, &judged, now).await?;
    }
    // One that is to be judged too: if it was cancelled, this is its end.
    let tasks: Vec<String> = tasks.into_iter().map(|task| task.id).collect();
    finish(tx, &tasks, now).await
}

/// Something else of these tasks has ended: they may have come to the next stage.
pub(crate) async fn move_on(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    if task_ids.is_empty() {
        return Ok(());
    }
    sqlx::query!("select id from oddish.tasks where id = any($1) order by id for no key update", task_ids)
        .fetch_all(&mut *tx)
        .await
        .doing("lock tasks")?;
    advance_judged(tx, task_ids, now).await?;
    finish(tx, task_ids, now).await
}

/// Tasks that are over run again, because a trial was added to them or is run again. What was judged before is not the verdict on
/// what there is then.
pub(crate) async fn reopen(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    let doing = "reopen tasks";
    // Locked whatever their status is: the last of their other trials may be ending now, and whoever ends it must see these, or we what
    // became of the task.
    sqlx::query!("select id from oddish.tasks where id = any($1) order by id for no key update", task_ids)
        .fetch_all(&mut *tx)
        .await
        .doing(doing)?;
    queueing::withdraw_verdicts(tx, task_ids, now).await?;
    sqlx::query!(
        "update oddish.tasks
        set status = 'running', finished_at = null, cancel_requested_at = null, updated_at = $2, verdict_status = null, verdict = null,
            verdict_error = null, verdict_started_at = null, verdict_finished_at = null
        where id = any($1) and status in ('analyzing', 'verdict_pending', 'completed', 'failed')",
        task_ids,
        now
    )
    .execute(&mut *tx)
    .await
    .done(doing)
}

/// Ends those of the tasks, whose rows are locked, that are not to be judged, or no longer, and of which nothing is left to run.
async fn finish(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.tasks k
        set status = case when cancel_requested_at is null then 'completed' else 'failed' end, finished_at = $2, updated_at = $2
        where id = any($1) and status in ('pending', 'running', 'analyzing', 'verdict_pending')
            and (analysis_key is null or cancel_requested_at is not null)
            and not exists (select from oddish.trials where task_id = k.id and status not in ('success', 'failed'))
            and not exists (select from oddish.trials where task_id = k.id and analysis_status in ('queued', 'running'))
            and coalesce(verdict_status not in ('queued', 'running'), true)",
        task_ids,
        now
    )
    .execute(&mut *tx)
    .await
    .done("end tasks")
}

/// Takes those of the tasks, whose rows are locked, that are to be judged as far as they have come.
async fn advance_judged(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    let doing = "take tasks to the next stage";
    sqlx::query!(
        "update oddish.tasks k set status = 'analyzing', updated_at = $2
        where id = any($1) and status in ('pending', 'running') and analysis_key is not null and cancel_requested_at is null
            and not exists (select from oddish.trials where task_id = k.id and status not in ('success', 'failed'))",
        task_ids,
        now
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    // Where no analysis succeeded there is nothing to make a verdict of (docs/compatibility.md, 3.10).
    let analysed = sqlx::query!(
        r#"select id, exists (select from oddish.trials where task_id = k.id and analysis_status = 'success') as "any!"
        from oddish.tasks k
        where id = any($1) and status = 'analyzing' and cancel_requested_at is null
            and not exists (select from oddish.trials where task_id = k.id and analysis_status in ('queued', 'running'))
        order by id"#,
        task_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    let (with, without): (Vec<_>, Vec<_>) = analysed.into_iter().partition(|task| task.any);
    let with: Vec<String> = with.into_iter().map(|task| task.id).collect();
    let without: Vec<String> = without.into_iter().map(|task| task.id).collect();
    if !with.is_empty() {
        queueing::queue_verdicts(tx, &with, now).await?;
    }
    if !without.is_empty() {
        sqlx::query!(
            "update oddish.tasks
            set status = 'completed', finished_at = $2, updated_at = $2, verdict_status = 'failed', verdict_finished_at = $2,
                verdict_error = 'No trial of this task has an analysis that a verdict could be made of.'
            where id = any($1) and status = 'analyzing'",
            &without,
            now
        )
        .execute(&mut *tx)
        .await
        .doing(doing)?;
    }
    Ok(())
}

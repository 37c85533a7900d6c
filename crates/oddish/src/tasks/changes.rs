//! Cancelling and deleting tasks, and judging them once more.

use std::collections::HashSet;

use oddish_api_types::{
    CancelTasksRequest, CancelTasksResponse, DeleteTaskResponse, DeletedTask, RetryTaskAnalysisResponse,
    RetryVerdictResponse,
};
use oddish_db::deleting::Target;
use oddish_db::trial_selection::{self, Scope, Selection};
use oddish_db::{Db, rejudging, tasks};
use time::OffsetDateTime;

use super::not_found;
use crate::cancelling::CANCELLED;
use crate::capabilities::{Artifacts, Limits, Wake};
use crate::deleting::SUCCESS;
use crate::judging::{Judges, refusal};
use crate::trials::QUEUED;
use crate::{Error, cancelling, deleting};

/// Tasks of one request at the most.
const MAX_TASKS: usize = 1000;

/// Cancels whole tasks. Tasks and trials that have ended stay as they are.
pub async fn cancel(
    db: &Db,
    wake: &Wake,
    request: CancelTasksRequest,
    now: OffsetDateTime,
) -> Result<CancelTasksResponse, Error> {
    let asked = distinct(request.task_ids)?;
    let existing: HashSet<String> = tasks::existing(db, &asked).await?.into_iter().collect();
    let (found, missing): (Vec<String>, Vec<String>) = asked.into_iter().partition(|id| existing.contains(id));
    if found.is_empty() {
        // Published clients know this text and that of the 400 (docs/compatibility.md, 1.8).
        return Err(Error::not_found("No matching tasks found"));
    }
    let trials = trial_selection::ids(db, &Selection::all(Scope::Tasks(found.clone()))).await?;
    let cancelled = cancelling::cancel(db, wake, &trials, &found, now).await?;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(CancelTasksResponse {
        status: CANCELLED.to_owned(),
        tasks_found: count(found.len()),
        task_ids: found,
        not_found_task_ids: missing,
        tasks_cancelled: count(cancelled.tasks.len()),
        trials_cancelled: count(cancelled.ended.len() + cancelled.stopping.len()),
        modal_calls_cancelled: 0,
        trials: cancelling::present_trials(cancelled),
    })
}

/// The ids in their order, each once.
fn distinct(task_ids: Vec<String>) -> Result<Vec<String>, Error> {
    if task_ids.is_empty() {
        return Err(Error::refused("Provide at least one task_id"));
    }
    if task_ids.len() > MAX_TASKS {
        let rule = format_args!("task_ids must name at most {MAX_TASKS} tasks: cancel them in several requests");
        return Err(Error::invalid("task_ids", rule));
    }
    let mut seen = HashSet::new();
    Ok(task_ids.into_iter().filter(|id| seen.insert(id.clone())).collect())
}

/// Deletes a task with all its versions and trials, and everything that is stored of them.
pub async fn delete(
    db: &Db,
    artifacts: &Artifacts,
    wake: &Wake,
    task_id: String,
    now: OffsetDateTime,
) -> Result<DeleteTaskResponse, Error> {
    let gone = deleting::delete(db, artifacts, wake, Target::Task(&task_id), now).await?;
    gone.ok_or_else(|| not_found(&task_id))?;
    Ok(DeleteTaskResponse { status: SUCCESS.to_owned(), deleted: DeletedTask { task_id } })
}

/// Has all trials of a task analysed, in place of the analyses that they have, and then a new verdict made.
pub async fn retry_analysis(
    db: &Db,
    limits: &Limits,
    judges: &Judges,
    wake: &Wake,
    task_id: String,
    now: OffsetDateTime,
) -> Result<RetryTaskAnalysisResponse, Error> {
    let by = judges.by(limits)?;
    let trials = rejudging::analyse_task(db, &task_id, by, now).await;
    let trials = trials.map_err(|refused| refusal(refused, || not_found(&task_id)))?;
    wake.dispatcher().await;
    let trial_count = u64::try_from(trials).unwrap_or(u64::MAX);
    Ok(RetryTaskAnalysisResponse { status: QUEUED.to_owned(), task_id, trial_count })
}

/// Has a new verdict made on a task whose trials have been analysed.
pub async fn retry_verdict(
    db: &Db,
    limits: &Limits,
    judges: &Judges,
    wake: &Wake,
    task_id: String,
    now: OffsetDateTime,
) -> Result<RetryVerdictResponse, Error> {
    let by = judges.by(limits)?;
    let judged = rejudging::judge_task(db, &task_id, by, now).await;
    judged.map_err(|refused| refusal(refused, || not_found(&task_id)))?;
    wake.dispatcher().await;
    Ok(RetryVerdictResponse { status: QUEUED.to_owned(), task_id })
}

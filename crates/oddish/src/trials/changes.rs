//! Cancelling and deleting trials, running them again, and judging them once more.

use oddish_api_types::{CancelResponse, DeleteTrialResponse, DeletedTrial, RetryTrialResponse, TrialOrigin};
use oddish_db::deleting::Target;
use oddish_db::idempotency::IdempotencyKey;
use oddish_db::trial_selection::{self, Scope, Selection};
use oddish_db::{Db, rejudging, retrying, trials};
use time::OffsetDateTime;

use super::{QUEUED, not_found};
use crate::capabilities::{Artifacts, Limits, Wake};
use crate::deleting::SUCCESS;
use crate::idempotency::{self, Begun};
use crate::judging::{Judges, refusal};
use crate::{Error, cancelling, deleting};

/// Cancels a trial. One that has ended stays as it is.
pub async fn cancel(db: &Db, wake: &Wake, trial_id: String, now: OffsetDateTime) -> Result<CancelResponse, Error> {
    let trials = trial_selection::ids(db, &Selection::all(Scope::Trial(trial_id.clone()))).await?;
    if trials.is_empty() {
        return Err(not_found(&trial_id));
    }
    Ok(cancelling::present(cancelling::cancel(db, wake, &trials, &[], now).await?))
}

/// Deletes a trial and everything that is stored of it. Its task stays, without its verdict.
pub async fn delete(
    db: &Db,
    artifacts: &Artifacts,
    wake: &Wake,
    trial_id: String,
    now: OffsetDateTime,
) -> Result<DeleteTrialResponse, Error> {
    let gone = deleting::delete(db, artifacts, wake, Target::Trial(&trial_id), now).await?;
    let gone = gone.ok_or_else(|| not_found(&trial_id))?;
    let task_id = gone.trials.into_iter().map(|trial| trial.task_id).collect();
    Ok(DeleteTrialResponse { status: SUCCESS.to_owned(), deleted: DeletedTrial { trial_id, task_id } })
}

/// Runs a trial again that has ended, with all its tries.
pub async fn retry(
    db: &Db,
    wake: &Wake,
    trial_id: String,
    key: Option<&IdempotencyKey>,
    now: OffsetDateTime,
) -> Result<RetryTrialResponse, Error> {
    let mut work = match idempotency::begin(db, key, now).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let selection = Selection::all(Scope::Trial(trial_id.clone()));
    let requeued = retrying::retry_within(&mut work, &selection, now).await?;
    if requeued.queued.is_empty() {
        drop(work);
        return Err(not_retried(db, &trial_id).await);
    }
    let answer = idempotency::finish(work, RetryTrialResponse { status: QUEUED.to_owned(), trial_id }).await?;
    wake.dispatcher().await;
    Ok(answer)
}

/// Why a trial was not queued again.
async fn not_retried(db: &Db, trial_id: &str) -> Error {
    match trials::get(db, trial_id).await {
        Ok(Some(trial)) if trial.origin == TrialOrigin::Imported => {
            Error::refused(format!("Trial {trial_id} was imported: it ran elsewhere and cannot be run again here."))
        }
        // Stuck trials are found and retried without being asked, so that the text does not name them (docs/compatibility.md, 1.9).
        Ok(Some(trial)) => {
            Error::refused(format!("Can only retry completed or failed trials (current: {})", trial.status))
        }
        Ok(None) => not_found(trial_id),
        Err(error) => error.into(),
    }
}

/// Has a trial analysed that has ended, in place of the analysis that it has, and then a new verdict made on its task.
pub async fn retry_analysis(
    db: &Db,
    limits: &Limits,
    judges: &Judges,
    wake: &Wake,
    trial_id: String,
    now: OffsetDateTime,
) -> Result<RetryTrialResponse, Error> {
    let by = judges.by(limits)?;
    let analysed = rejudging::analyse_trial(db, &trial_id, by, now).await;
    analysed.map_err(|refused| refusal(refused, || not_found(&trial_id)))?;
    wake.dispatcher().await;
    Ok(RetryTrialResponse { status: QUEUED.to_owned(), trial_id })
}

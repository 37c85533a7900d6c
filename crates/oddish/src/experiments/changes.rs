//! Changing experiments, and all their trials at once.

use oddish_api_types::{
    CancelResponse, DeleteExperimentResponse, DeletedExperiment, RenameExperimentRequest, RenameExperimentResponse,
    RetryExperimentRequest, RetryExperimentResponse,
};
use oddish_db::deleting::Target;
use oddish_db::idempotency::IdempotencyKey;
use oddish_db::retrying::{self, Requeued};
use oddish_db::trial_selection::{self, Scope, Selection};
use oddish_db::{Db, experiments, tasks};
use oddish_domain::label::{self, LabelFault};
use time::OffsetDateTime;

use super::not_found;
use crate::capabilities::{Artifacts, Wake};
use crate::deleting::SUCCESS;
use crate::idempotency::{self, Begun};
use crate::trials::QUEUED;
use crate::{Error, cancelling, deleting, fields};

/// Gives an experiment another name. Names need not be unique.
pub async fn rename(
    db: &Db,
    experiment_id: String,
    request: &RenameExperimentRequest,
    now: OffsetDateTime,
) -> Result<RenameExperimentResponse, Error> {
    let name = label::check(&request.name).map_err(|fault| match fault {
        // Published clients know the text (docs/compatibility.md, 1.10).
        LabelFault::Empty => Error::refused("Experiment name cannot be empty"),
        _ => fields::fault(&["name"], fault),
    })?;
    if !experiments::rename(db, &experiment_id, name, now).await? {
        return Err(not_found(&experiment_id));
    }
    Ok(RenameExperimentResponse { id: experiment_id, name: name.to_owned() })
}

/// Cancels all trials of an experiment. A task with trials in other experiments goes on with those.
pub async fn cancel(db: &Db, wake: &Wake, experiment_id: String, now: OffsetDateTime) -> Result<CancelResponse, Error> {
    require(db, &experiment_id).await?;
    let whole_tasks = tasks::only_in_experiment(db, &experiment_id).await?;
    let trials = trial_selection::ids(db, &Selection::all(Scope::Experiment(experiment_id))).await?;
    let cancelled = cancelling::cancel(db, wake, &trials, &whole_tasks, now).await?;
    Ok(cancelling::present(cancelled))
}

/// Deletes an experiment with its trials, and everything that is stored of them. Its tasks go too, as far as no trial is left of them.
pub async fn delete(
    db: &Db,
    artifacts: &Artifacts,
    wake: &Wake,
    experiment_id: &str,
    now: OffsetDateTime,
) -> Result<DeleteExperimentResponse, Error> {
    let gone = deleting::delete(db, artifacts, wake, Target::Experiment(experiment_id), now).await?;
    let gone = gone.ok_or_else(|| not_found(experiment_id))?;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(DeleteExperimentResponse {
        status: SUCCESS.to_owned(),
        message: "Experiment deleted".to_owned(),
        deleted: DeletedExperiment { trials: count(gone.trials.len()), tasks: count(gone.tasks.len()), experiments: 1 },
    })
}

/// Runs those trials of an experiment again that have ended and fit the request, or tells which those are.
pub async fn retry(
    db: &Db,
    wake: &Wake,
    experiment_id: String,
    key: Option<&IdempotencyKey>,
    request: &RetryExperimentRequest,
    now: OffsetDateTime,
) -> Result<RetryExperimentResponse, Error> {
    let selection = selection(&experiment_id, request)?;
    require(db, &experiment_id).await?;
    if request.dry_run {
        let foreseen = retrying::foresee(db, &selection).await?;
        return Ok(response("dry_run", experiment_id, foreseen));
    }
    let mut work = match idempotency::begin(db, key, now).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let requeued = retrying::retry_within(&mut work, &selection, now).await?;
    let answer = idempotency::finish(work, response(QUEUED, experiment_id, requeued)).await?;
    wake.dispatcher().await;
    Ok(answer)
}

async fn require(db: &Db, experiment_id: &str) -> Result<(), Error> {
    if experiments::exists(db, experiment_id).await? { Ok(()) } else { Err(not_found(experiment_id)) }
}

fn selection(experiment_id: &str, request: &RetryExperimentRequest) -> Result<Selection, Error> {
    let RetryExperimentRequest { statuses, error_classes, .. } = request;
    if statuses.is_empty() && error_classes.is_empty() {
        let rule = "name the trials to run again by their statuses or error_classes, such as {\"statuses\": [\"failed\"]}; \
                    dry_run tells which these are";
        return Err(Error::invalid_at::<&str>([], rule));
    }
    Ok(Selection {
        scope: Scope::Experiment(experiment_id.to_owned()),
        statuses: statuses.clone(),
        error_classes: error_classes.clone(),
    })
}

fn response(status: &str, experiment_id: String, requeued: Requeued) -> RetryExperimentResponse {
    RetryExperimentResponse {
        status: status.to_owned(),
        experiment_id,
        queued: requeued.queued,
        still_active: requeued.active,
    }
}

//! Reading one trial, a list of trials, and where a trial's files and logs are.

use oddish_api_types::{ListTrialsQuery, ListTrialsResponse, TrialResponse};
use oddish_db::Db;
use oddish_db::trial_artifacts::{self, TrialArtifacts};
use oddish_db::trials::{self, TrialFilter, TrialSort};
use oddish_domain::queue_key;
use time::OffsetDateTime;

use super::{changed, not_found};
use crate::Error;
use crate::caller::Caller;
use crate::paging::{self, MAX_LIMIT, Wanted};
use crate::tasks::present::present_trials;

const ORDERS: &[(&str, TrialSort)] = &[
    ("created_at", TrialSort::Created),
    ("finished_at", TrialSort::Finished),
    ("duration", TrialSort::Duration),
    ("reward", TrialSort::Reward),
    ("cost_usd", TrialSort::Cost),
];

/// Returns one trial.
pub async fn get(db: &Db, trial_id: &str, now: OffsetDateTime) -> Result<TrialResponse, Error> {
    let trial = trials::get(db, trial_id).await?;
    let trials = present_trials(db, trial.into_iter().collect(), now).await?;
    trials.into_iter().next().ok_or_else(|| not_found(trial_id))
}

/// Lists trials, newest first unless another order is asked for; or those that changed since an earlier answer.
pub async fn list(db: &Db, query: ListTrialsQuery, now: OffsetDateTime) -> Result<ListTrialsResponse, Error> {
    if let Some(cursor) = &query.changed_after {
        return changed::list(db, cursor, &query, now).await;
    }
    let wanted = Wanted {
        limit: query.limit,
        max_limit: MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: query.sort.as_deref(),
    };
    let chosen = paging::choose(wanted, ORDERS)?;
    if !chosen.sort.is_indexed() && query.experiment_id.is_none() && query.task_id.is_none() {
        let rule =
            "all trials are listed by created_at only; name an experiment_id or a task_id to sort by something else";
        return Err(Error::invalid("sort", rule));
    }
    let filter = TrialFilter {
        task_id: query.task_id,
        experiment_id: query.experiment_id,
        status: query.status,
        submitted_by: query.user,
        agent: query.agent,
        model: query.model.as_deref().map(queue_key::normal_form),
        queue_key: query.queue_key,
        error_class: query.error_class,
    };
    let listed = trials::list(db, &filter, chosen.sort, &chosen.page).await?;
    let total = if query.total { Some(trials::count(db, &filter).await?) } else { None };
    Ok(ListTrialsResponse {
        next_cursor: chosen.cursor(listed.next.as_ref()),
        items: present_trials(db, listed.items, now).await?,
        limit: query.limit,
        total,
        changes: None,
    })
}

/// Finds what a trial left, if the trial is there for the caller. `attempt` says of which attempt the end is wanted.
pub(super) async fn find(
    db: &Db,
    caller: Caller<'_>,
    trial_id: &str,
    attempt: Option<i32>,
) -> Result<TrialArtifacts, Error> {
    let trial = trial_artifacts::get(db, trial_id, attempt).await?;
    trial.filter(|trial| caller.sees(&trial.experiment_id)).ok_or_else(|| not_found(trial_id))
}

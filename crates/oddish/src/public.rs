//! What guests may read: the trials of one shared experiment, and of their tasks what is about these trials.
//!
//! Files and logs of these trials are read as members read them ([`crate::trials`], [`crate::tasks::files`]), as a
//! [`Caller::Guest`](crate::caller::Caller::Guest). What does not belong to the experiment is not found.

mod present;

use oddish_api_types::{PublicExperimentName, PublicExperimentResponse, TaskStatusResponse, TrialResponse};
use oddish_db::Db;
use oddish_db::paging::Page;
use oddish_db::sharing;
use oddish_db::tasks;
use oddish_db::trials::{self, OfTask};

use crate::Error;
use crate::caller::Shared;
use crate::paging::{self, Listing, Wanted};
use crate::tasks::not_found;
use crate::tasks::present::present_trials_to_guests;

/// Returns the name of the shared experiment.
pub fn get_experiment(shared: Shared) -> PublicExperimentName {
    PublicExperimentName { name: shared.experiment.name, public_token: shared.token }
}

/// Lists the experiment that the token opens, if it opens one. Other shared experiments are not listed.
pub async fn list_experiments(db: &Db, shared: Option<Shared>) -> Result<Vec<PublicExperimentResponse>, Error> {
    let Some(Shared { experiment, token }) = shared else { return Ok(Vec::new()) };
    Ok(vec![PublicExperimentResponse {
        task_count: sharing::task_count(db, &experiment.id).await?,
        id: experiment.id,
        name: experiment.name,
        public_token: token,
        created_at: experiment.created_at,
    }])
}

/// Returns a task that has trials in the experiment, with these trials if they are asked for.
pub async fn get_task(db: &Db, shared: &Shared, task_id: &str, with_trials: bool) -> Result<TaskStatusResponse, Error> {
    let found = tasks::list(db, &present::filter(shared, Some(task_id)), &Page::first(1)).await?;
    let presented = present::present(db, shared, found.items, with_trials).await?;
    presented.into_iter().next().ok_or_else(|| not_found(task_id))
}

/// Lists the tasks that have trials in the experiment, with these trials, newest first.
pub async fn list_tasks(db: &Db, shared: &Shared, wanted: Wanted<'_>) -> Result<Listing<TaskStatusResponse>, Error> {
    let chosen = paging::choose(wanted, &[("created_at", ())])?;
    let listed = tasks::list(db, &present::filter(shared, None), &chosen.page).await?;
    let next_cursor = chosen.cursor(listed.next.as_ref());
    Ok(Listing { items: present::present(db, shared, listed.items, true).await?, next_cursor, total: None })
}

/// Lists the trials of a task in the experiment, of all versions, by index.
pub async fn list_task_trials(db: &Db, shared: &Shared, task_id: &str) -> Result<Vec<TrialResponse>, Error> {
    let of_task = OfTask { task_id: task_id.to_owned(), version: None };
    let trials = trials::list_of_tasks(db, &[of_task], Some(&shared.experiment.id)).await?;
    if trials.is_empty() { Err(not_found(task_id)) } else { Ok(present_trials_to_guests(trials)) }
}

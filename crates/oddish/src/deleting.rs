//! Deleting: first the rows, for good, then what lies in the store.

use std::collections::HashSet;
use std::time::Duration;

use oddish_artifacts::{InvalidKey, key};
use oddish_db::Db;
use oddish_db::deleting::{self, DeletedTrial, Deletion, Target};
use time::OffsetDateTime;

use crate::Error;
use crate::capabilities::{Artifacts, Wake};

/// What the status of an answer to a deletion says (docs/compatibility.md, 1.10).
pub(crate) const SUCCESS: &str = "success";

/// How long a request may take to empty the store. What is left then, the dispatcher removes.
const AT_MOST: Duration = Duration::from_secs(10);

/// What went.
pub(crate) struct Gone {
    /// Trials of all tasks.
    pub(crate) trials: Vec<DeletedTrial>,
    /// Tasks.
    pub(crate) tasks: Vec<String>,
}

/// Deletes everything that belongs to the target, and what is stored of it. `None` when there is no such thing.
pub(crate) async fn delete(
    db: &Db,
    Artifacts(store): &Artifacts,
    wake: &Wake,
    target: Target<'_>,
    now: OffsetDateTime,
) -> Result<Option<Gone>, Error> {
    let Some(mut deletion) = deleting::begin(db, target, now).await? else { return Ok(None) };
    let prefixes = prefixes(&deletion)?;
    let gone = Gone { trials: std::mem::take(&mut deletion.trials), tasks: std::mem::take(&mut deletion.tasks) };
    deletion.finish(&prefixes, now).await?;
    let removal = deleting::remove(db, &prefixes, now, |prefix| store.delete_prefix(prefix));
    match tokio::time::timeout(AT_MOST, removal).await {
        Ok(Ok(())) => {}
        // It is deleted all the same.
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "what was removed from the store is not noted");
        }
        Err(_) => tracing::info!("the dispatcher will remove from the store what is left of a deletion"),
    }
    wake.dispatcher().await;
    Ok(Some(gone))
}

/// Where in the store everything is that goes: each task and trial has a prefix of its own, as has each archive that is awaited.
fn prefixes(deletion: &Deletion) -> Result<Vec<String>, InvalidKey> {
    let tasks: HashSet<&String> = deletion.tasks.iter().collect();
    let trials = deletion.trials.iter().filter(|trial| !tasks.contains(&trial.task_id));
    let staging = deletion.staging_keys.iter().filter_map(|key| Some(format!("{}/", key.rsplit_once('/')?.0)));
    let of_tasks = deletion.tasks.iter().map(|task_id| key::task_prefix(task_id));
    let of_trials = trials.map(|trial| key::trial_prefix(&trial.task_id, &trial.trial_id));
    of_tasks.chain(of_trials).chain(staging.map(Ok)).collect()
}

//! Deleting: first the rows, for good, then what lies in the store.

use std::collections::HashSet;
use std::time::Duration;

use oddish_artifacts::{InvalidKey, SharedStore, key};
use oddish_db::deleting::{self, Deletion};
use oddish_db::{Db, DbError};
use time::OffsetDateTime;

use crate::error::ApiError;

/// What the status of an answer to a deletion says (docs/compatibility.md, 1.10).
pub(crate) const SUCCESS: &str = "success";

/// How long a request may take to empty the store. What is left then, the dispatcher removes.
const AT_MOST: Duration = Duration::from_secs(10);

/// Keeps the deletion, and removes from the store what is gone.
pub(crate) async fn keep(
    deletion: Deletion,
    db: &Db,
    store: &SharedStore,
    now: OffsetDateTime,
) -> Result<(), ApiError> {
    let prefixes = prefixes(&deletion)?;
    deletion.finish(&prefixes, now).await?;
    match tokio::time::timeout(AT_MOST, remove(db, store, &prefixes)).await {
        Ok(Ok(())) => {}
        // It is deleted all the same.
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "what was removed from the store is not noted");
        }
        Err(_) => tracing::info!("the dispatcher will remove from the store what is left of a deletion"),
    }
    Ok(())
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

async fn remove(db: &Db, store: &SharedStore, prefixes: &[String]) -> Result<(), DbError> {
    for prefix in prefixes {
        let began = OffsetDateTime::now_utc();
        match store.delete_prefix(prefix).await {
            Ok(_) => deleting::removed(db, std::slice::from_ref(prefix), began).await?,
            Err(error) => tracing::warn!(
                prefix,
                error = &error as &dyn std::error::Error,
                "what was deleted is not removed from the store yet; the dispatcher will do it"
            ),
        }
    }
    Ok(())
}

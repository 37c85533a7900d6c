//! Reading the versions of a task.

use oddish_api_types::TaskVersionResponse;
use oddish_db::{Db, task_versions};

use super::present::present_version;
use super::{not_found, version_not_found};
use crate::Error;

/// Returns one version of a task.
pub async fn get_version(db: &Db, task_id: &str, version: i32) -> Result<TaskVersionResponse, Error> {
    let found = task_versions::list(db, task_id, Some(version)).await?.pop();
    found.map(present_version).ok_or_else(|| version_not_found(task_id, version))
}

/// Lists the versions of a task, newest first.
pub async fn list_versions(db: &Db, task_id: &str) -> Result<Vec<TaskVersionResponse>, Error> {
    let versions = task_versions::list(db, task_id, None).await?;
    // One whose first archive never came is not there yet.
    if versions.is_empty() {
        return Err(not_found(task_id));
    }
    Ok(versions.into_iter().map(present_version).collect())
}

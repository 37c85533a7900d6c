//! Tasks.

mod browsing;
mod changes;
pub mod files;
pub mod present;
mod present_waiting;
mod reading;
mod versions;

pub use browsing::browse;
pub use changes::{cancel, delete, retry_analysis, retry_verdict};
pub use reading::{get, get_trial, list, list_trials};
pub use versions::{get_version, list_versions};

use oddish_artifacts::{InvalidKey, key};

use crate::Error;

/// The error for a task that does not exist.
pub fn not_found(task_id: &str) -> Error {
    Error::not_found(format!("Task {task_id} not found"))
}

/// The error for a version of a task that does not exist.
pub fn version_not_found(task_id: &str, version: i32) -> Error {
    Error::not_found(format!("Version {version} not found for task {task_id}"))
}

/// Prefix of a version in the store, as older clients know it.
pub fn version_prefix(task_id: &str, version: i32) -> Result<String, InvalidKey> {
    Ok(format!("{}v{version}/", key::task_prefix(task_id)?))
}

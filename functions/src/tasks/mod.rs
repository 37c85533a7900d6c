//! Tasks: upload, sweep, reading and cancelling them.

mod archive_check;
pub mod browse_tasks;
pub mod cancel_tasks;
pub mod complete_upload;
pub mod create_sweep;
pub mod get_task;
pub mod get_task_trial;
pub mod init_upload;
pub mod list_tasks;
pub(crate) mod present;
mod present_waiting;
pub mod upload_task;

use axum::http::StatusCode;
use oddish_artifacts::key;

use crate::error::ApiError;

fn task_not_found(task_id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("Task {task_id} not found"))
}

/// Prefix of a version in the store, as older clients know it.
fn version_prefix(task_id: &str, version: i32) -> Result<String, ApiError> {
    Ok(format!("{}v{version}/", key::task_prefix(task_id)?))
}

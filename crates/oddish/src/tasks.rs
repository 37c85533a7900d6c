//! Tasks.

pub mod present;
mod present_waiting;

use crate::Error;

/// The error for a task that does not exist.
pub fn not_found(task_id: &str) -> Error {
    Error::not_found(format!("Task {task_id} not found"))
}

//! Tasks: upload, sweep, and reading them.

pub mod create_sweep;
pub mod get_task;
pub mod get_task_trial;
pub mod list_tasks;
mod present;
pub mod upload_task;

use axum::http::StatusCode;

use crate::error::ApiError;

fn task_not_found(task_id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("Task {task_id} not found"))
}

pub use present::present_trial;

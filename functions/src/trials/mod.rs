//! Trials: what they left behind.

pub mod get_trial_logs;
pub mod get_trial_result;

use axum::http::StatusCode;

use crate::error::ApiError;

pub(crate) fn trial_not_found(trial_id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("Trial {trial_id} not found"))
}

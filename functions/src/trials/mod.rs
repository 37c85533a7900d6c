//! Trials: what they left behind, ending them, and running them again.

pub mod cancel_trial;
pub mod get_trial_logs;
pub mod get_trial_result;
pub mod list_trials;
pub mod retry_trial;

use axum::http::StatusCode;
use oddish_api_types::CancelledTrials;
use oddish_db::cancelling::Cancelled;

use crate::error::ApiError;

/// Status in the answers to cancelling (contract 1.5).
pub(crate) const CANCELLED: &str = "cancelled";
/// Status in the answers to retrying (contract 1.5).
pub(crate) const QUEUED: &str = "queued";

pub(crate) fn trial_not_found(trial_id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("Trial {trial_id} not found"))
}

pub(crate) fn cancelled_trials(cancelled: Cancelled) -> CancelledTrials {
    CancelledTrials {
        cancelled: cancelled.ended,
        stopping: cancelled.stopping,
        already_stopping: cancelled.stopping_already,
        already_ended: cancelled.over,
    }
}

//! Trials: what they left behind, ending them, and running them again.

pub mod cancel_trial;
pub mod complete_import;
pub mod delete_trial;
pub mod get_trial;
pub mod get_trial_debug_files;
pub mod get_trial_file;
pub mod get_trial_logs;
pub mod get_trial_result;
pub mod get_trial_structured_logs;
pub mod get_trial_trajectory;
pub mod init_import;
pub mod list_trial_files;
pub mod list_trials;
pub mod retry_trial;
pub mod retry_trial_analysis;

use oddish_api_types::CancelledTrials;
use oddish_db::cancelling::Cancelled;

use crate::error::ApiError;

/// Status in the answers to cancelling (contract 1.5).
pub(crate) const CANCELLED: &str = "cancelled";
/// Status in the answers to retrying (contract 1.5).
pub(crate) const QUEUED: &str = "queued";

pub(crate) fn trial_not_found(trial_id: &str) -> ApiError {
    oddish::trials::not_found(trial_id).into()
}

pub(crate) fn cancelled_trials(cancelled: Cancelled) -> CancelledTrials {
    CancelledTrials {
        cancelled: cancelled.ended,
        stopping: cancelled.stopping,
        already_stopping: cancelled.stopping_already,
        already_ended: cancelled.over,
    }
}

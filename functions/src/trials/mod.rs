//! Trials: what they left behind, ending them, and running them again.

pub mod cancel_trial;
pub mod complete_import;
pub mod delete_trial;
pub(crate) mod files;
pub mod get_trial;
pub mod get_trial_debug_files;
pub mod get_trial_file;
pub mod get_trial_logs;
pub mod get_trial_result;
pub mod get_trial_structured_logs;
pub mod get_trial_trajectory;
mod import_check;
pub mod init_import;
pub mod list_trial_files;
pub mod list_trials;
pub mod logs;
mod media_type;
mod range;
pub mod retry_trial;
pub mod retry_trial_analysis;
pub(crate) mod structured_log;

use oddish_api_types::CancelledTrials;
use oddish_db::Db;
use oddish_db::cancelling::Cancelled;
use oddish_db::trial_artifacts::{self, TrialArtifacts};

use crate::error::ApiError;

/// Status in the answers to cancelling (docs/compatibility.md, 1.8).
pub(crate) const CANCELLED: &str = "cancelled";
/// Status in the answers to retrying (docs/compatibility.md, 1.9).
pub(crate) const QUEUED: &str = "queued";

pub(crate) fn trial_not_found(trial_id: &str) -> ApiError {
    oddish::trials::not_found(trial_id).into()
}

/// What a trial left, if there is such a trial.
pub(crate) async fn find_artifacts(db: &Db, trial_id: &str) -> Result<TrialArtifacts, ApiError> {
    trial_artifacts::get(db, trial_id, None).await?.ok_or_else(|| trial_not_found(trial_id))
}

pub(crate) fn cancelled_trials(cancelled: Cancelled) -> CancelledTrials {
    CancelledTrials {
        cancelled: cancelled.ended,
        stopping: cancelled.stopping,
        already_stopping: cancelled.stopping_already,
        already_ended: cancelled.over,
    }
}

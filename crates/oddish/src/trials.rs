//! Trials.

use crate::Error;

/// The error for a trial that does not exist.
pub fn not_found(trial_id: &str) -> Error {
    Error::not_found(format!("Trial {trial_id} not found"))
}

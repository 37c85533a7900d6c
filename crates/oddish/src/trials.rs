//! Trials.

mod changed;
mod changes;
pub mod files;
pub mod logs;
pub mod media_type;
mod reading;
pub mod structured_logs;

pub use changes::{cancel, delete, retry, retry_analysis};
pub use reading::{get, list};

use crate::Error;

/// Status in the answers to retrying (docs/compatibility.md, 1.9).
pub(crate) const QUEUED: &str = "queued";

/// The error for a trial that does not exist.
pub fn not_found(trial_id: &str) -> Error {
    Error::not_found(format!("Trial {trial_id} not found"))
}

//! Experiments: reading and sharing them, and what is done to all their trials at once.

mod changes;
mod present;
mod reading;
mod sharing;

pub(crate) use present::present;

pub use changes::{cancel, delete, rename, retry};
pub use reading::{get, list};
pub use sharing::{publish, share, unpublish};

use crate::Error;

/// The error for an experiment that does not exist.
pub(crate) fn not_found(experiment_id: &str) -> Error {
    Error::not_found(format!("Experiment {experiment_id} not found"))
}

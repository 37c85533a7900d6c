//! Experiments.

use crate::Error;

/// The error for an experiment that does not exist.
pub fn not_found(experiment_id: &str) -> Error {
    Error::not_found(format!("Experiment {experiment_id} not found"))
}

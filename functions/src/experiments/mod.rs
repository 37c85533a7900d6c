//! Experiments: what is done to all their trials at once.

pub mod cancel_experiment;
pub mod retry_experiment;

use oddish_db::PgPool;

use crate::error::ApiError;

/// 404 if there is no such experiment.
async fn require(pool: &PgPool, experiment_id: &str) -> Result<(), ApiError> {
    if oddish_db::experiments::exists(pool, experiment_id).await? {
        return Ok(());
    }
    Err(ApiError::not_found(format!("Experiment {experiment_id} not found")))
}

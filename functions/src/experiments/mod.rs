//! Experiments: reading and sharing them, and what is done to all their trials at once.

pub mod cancel_experiment;
pub mod delete_experiment;
pub mod get_experiment;
pub mod get_experiment_share;
pub mod list_experiments;
pub(crate) mod present;
pub mod publish_experiment;
pub mod rename_experiment;
pub mod retry_experiment;
pub mod unpublish_experiment;

use oddish_db::Db;

use crate::error::ApiError;

/// 404 if there is no such experiment.
async fn require(db: &Db, experiment_id: &str) -> Result<(), ApiError> {
    if oddish_db::experiments::exists(db, experiment_id).await? {
        return Ok(());
    }
    Err(experiment_not_found(experiment_id))
}

pub(crate) fn experiment_not_found(experiment_id: &str) -> ApiError {
    oddish::experiments::not_found(experiment_id).into()
}

//! `GET /experiments/{experiment_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, ExperimentResponse};
use oddish_db::experiment_summaries;

use super::experiment_not_found;
use super::present::present;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::Db;

/// One experiment and what became of its trials.
#[utoipa::path(get, path = "/experiments/{experiment_id}", operation_id = "get_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = ExperimentResponse), (status = 404, body = ErrorBody)))]
pub async fn get_experiment(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<ExperimentResponse>, ApiError> {
    let experiment = experiment_summaries::get(&db, &experiment_id).await?;
    experiment.map(|experiment| Json(present(experiment))).ok_or_else(|| experiment_not_found(&experiment_id))
}

//! `GET /experiments/{experiment_id}`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, ExperimentResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Returns an experiment with the counts of its trials.
#[utoipa::path(get, path = "/experiments/{experiment_id}", operation_id = "get_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = ExperimentResponse), (status = 404, body = ErrorBody)))]
pub async fn get_experiment(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<ExperimentResponse>, ApiError> {
    Ok(Json(experiments::get(&db, &experiment_id).await?))
}

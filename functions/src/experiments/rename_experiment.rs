//! `PATCH /experiments/{experiment_id}`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, RenameExperimentRequest, RenameExperimentResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::{Body, PathOf};
use crate::state::Db;

/// Renames an experiment.
///
/// Names need not be unique.
#[utoipa::path(patch, path = "/experiments/{experiment_id}", operation_id = "rename_experiment", tag = "experiments",
    request_body = RenameExperimentRequest, params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = RenameExperimentResponse), (status = 404, body = ErrorBody)))]
pub async fn rename_experiment(
    _: Authed<Full>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
    Body(request): Body<RenameExperimentRequest>,
) -> Result<Json<RenameExperimentResponse>, ApiError> {
    Ok(Json(experiments::rename(&db, experiment_id, &request, OffsetDateTime::now_utc()).await?))
}

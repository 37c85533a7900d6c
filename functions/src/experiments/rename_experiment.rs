//! `PATCH /experiments/{experiment_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, RenameExperimentRequest, RenameExperimentResponse};
use oddish_db::experiments;
use oddish_domain::label::{self, LabelFault};
use serde_json::json;
use time::OffsetDateTime;

use super::experiment_not_found;
use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::extract::{Body, PathOf};
use crate::state::Db;

/// Gives an experiment another name. Names need not be unique.
#[utoipa::path(patch, path = "/experiments/{experiment_id}", operation_id = "rename_experiment", tag = "experiments",
    request_body = RenameExperimentRequest, params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = RenameExperimentResponse), (status = 404, body = ErrorBody)))]
pub async fn rename_experiment(
    _: Authed<Full>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
    Body(request): Body<RenameExperimentRequest>,
) -> Result<Json<RenameExperimentResponse>, ApiError> {
    let name = label::check(&request.name).map_err(|fault| match fault {
        // Published clients know the text (docs/compatibility.md, 1.10).
        LabelFault::Empty => ApiError::bad_request("Experiment name cannot be empty"),
        _ => ApiError::value_error(vec![json!("body"), json!("name")], format!("name {fault}")),
    })?;
    if !experiments::rename(&db, &experiment_id, name, OffsetDateTime::now_utc()).await? {
        return Err(experiment_not_found(&experiment_id));
    }
    Ok(Json(RenameExperimentResponse { id: experiment_id, name: name.to_owned() }))
}

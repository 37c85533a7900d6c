//! `GET /public/experiments/{token}`.

use axum::Json;
use oddish::public;
use oddish_api_types::{ErrorBody, PublicExperimentName};

use super::Shared;

/// Returns the name of a shared experiment.
#[utoipa::path(get, path = "/public/experiments/{token}", operation_id = "get_public_experiment", tag = "public",
    params(("token" = String, Path, description = "Token of the shared experiment", pattern = "^[A-Za-z0-9_-]{43}$")),
    responses((status = 200, body = PublicExperimentName), (status = 404, body = ErrorBody)))]
pub async fn get_public_experiment(Shared(shared): Shared) -> Json<PublicExperimentName> {
    Json(public::get_experiment(shared))
}

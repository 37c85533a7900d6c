//! `GET /experiments/{experiment_id}/share`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, ShareResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Returns whether an experiment is shared, and its token.
#[utoipa::path(get, path = "/experiments/{experiment_id}/share", operation_id = "get_experiment_share", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = ShareResponse), (status = 404, body = ErrorBody)))]
pub async fn get_experiment_share(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<ShareResponse>, ApiError> {
    Ok(Json(experiments::share(&db, &experiment_id).await?))
}

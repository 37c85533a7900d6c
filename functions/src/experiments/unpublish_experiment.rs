//! `POST /experiments/{experiment_id}/unpublish`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, ShareResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Stops sharing an experiment.
///
/// Its token is invalid from then on; sharing it again creates another one.
#[utoipa::path(post, path = "/experiments/{experiment_id}/unpublish", operation_id = "unpublish_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = ShareResponse), (status = 404, body = ErrorBody)))]
pub async fn unpublish_experiment(
    _: Authed<Full>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<ShareResponse>, ApiError> {
    Ok(Json(experiments::unpublish(&db, &experiment_id, OffsetDateTime::now_utc()).await?))
}

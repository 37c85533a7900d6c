//! `POST /experiments/{experiment_id}/publish`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, ShareResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Shares an experiment.
///
/// Anyone with its token can read its trials without an API key. An experiment that is already shared keeps its token.
#[utoipa::path(post, path = "/experiments/{experiment_id}/publish", operation_id = "publish_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = ShareResponse), (status = 404, body = ErrorBody)))]
pub async fn publish_experiment(
    _: Authed<Full>,
    State(db): State<Db>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<ShareResponse>, ApiError> {
    Ok(Json(experiments::publish(&db, &experiment_id, OffsetDateTime::now_utc()).await?))
}

//! `GET /public/experiments`.

use axum::Json;
use axum::extract::State;
use oddish::public;
use oddish_api_types::PublicExperimentResponse;

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::state::Db;

/// The shared experiment that the token opens. Without a good token none: which others are shared is nobody's business.
#[utoipa::path(get, path = "/public/experiments", operation_id = "list_public_experiments", tag = "public",
    params(ShareToken, ShareTokenHeader),
    responses((status = 200, body = Vec<PublicExperimentResponse>)))]
pub async fn list_public_experiments(
    State(db): State<Db>,
    shared: Option<Shared>,
) -> Result<Json<Vec<PublicExperimentResponse>>, ApiError> {
    Ok(Json(public::list_experiments(&db, shared.map(|Shared(shared)| shared)).await?))
}

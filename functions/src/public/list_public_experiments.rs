//! `GET /public/experiments`.

use axum::Json;
use axum::extract::State;
use oddish::public;
use oddish_api_types::PublicExperimentResponse;

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::state::Db;

/// Lists the shared experiment that the token opens.
///
/// Without a valid token the list is empty.
#[utoipa::path(get, path = "/public/experiments", operation_id = "list_public_experiments", tag = "public",
    params(ShareToken, ShareTokenHeader),
    responses((status = 200, body = Vec<PublicExperimentResponse>)))]
pub async fn list_public_experiments(
    State(db): State<Db>,
    shared: Option<Shared>,
) -> Result<Json<Vec<PublicExperimentResponse>>, ApiError> {
    Ok(Json(public::list_experiments(&db, shared.map(|Shared(shared)| shared)).await?))
}

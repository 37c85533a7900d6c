//! `GET /public/experiments`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::PublicExperimentResponse;
use oddish_db::sharing;

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::error::ApiError;
use crate::state::Db;

/// The shared experiment that the token opens. Without a good token none: which others are shared is nobody's business.
#[utoipa::path(get, path = "/public/experiments", operation_id = "list_public_experiments", tag = "public",
    params(ShareToken, ShareTokenHeader),
    responses((status = 200, body = Vec<PublicExperimentResponse>)))]
pub async fn list_public_experiments(
    State(db): State<Db>,
    shared: Option<Shared>,
) -> Result<Json<Vec<PublicExperimentResponse>>, ApiError> {
    let Some(Shared { experiment, token }) = shared else { return Ok(Json(Vec::new())) };
    Ok(Json(vec![PublicExperimentResponse {
        task_count: sharing::task_count(&db, &experiment.id).await?,
        id: experiment.id,
        name: experiment.name,
        public_token: token,
        created_at: experiment.created_at,
    }]))
}

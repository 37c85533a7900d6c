//! `GET /public/tasks/{task_id}/trials`.

use axum::Json;
use axum::extract::State;
use oddish::public;
use oddish_api_types::{ErrorBody, TrialResponse};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Lists the trials of a task in a shared experiment by index, of all versions.
#[utoipa::path(get, path = "/public/tasks/{task_id}/trials", operation_id = "list_public_task_trials", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"), ShareToken, ShareTokenHeader),
    responses((status = 200, body = Vec<TrialResponse>), (status = 404, body = ErrorBody)))]
pub async fn list_public_task_trials(
    State(db): State<Db>,
    Shared(shared): Shared,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<Vec<TrialResponse>>, ApiError> {
    Ok(Json(public::list_task_trials(&db, &shared, &task_id).await?))
}

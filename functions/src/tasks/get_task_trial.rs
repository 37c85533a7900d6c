//! `GET /tasks/{task_id}/trials/{index}`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, TrialResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::Db;

/// Returns a trial of a task by its index.
#[utoipa::path(get, path = "/tasks/{task_id}/trials/{index}", operation_id = "get_task_trial", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"),
        ("index" = u32, Path, description = "Index of the trial, from 0", minimum = 0, maximum = 4_294_967_295_u32)),
    responses((status = 200, body = TrialResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_task_trial(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf((task_id, index)): PathOf<(String, u32)>,
) -> Result<Json<TrialResponse>, ApiError> {
    Ok(Json(tasks::get_trial(&db, &task_id, index, OffsetDateTime::now_utc()).await?))
}

//! `GET /public/tasks/{task_id}`.

use axum::Json;
use axum::extract::State;
use oddish::public;
use oddish_api_types::{ErrorBody, TaskStatusResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::Db;

/// How much of the task.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct GetPublicTask {
    /// Whether the task comes with its trials.
    include_trials: bool,
}

impl Default for GetPublicTask {
    fn default() -> Self {
        Self { include_trials: true }
    }
}

/// Returns a task with its trials in a shared experiment.
#[utoipa::path(get, path = "/public/tasks/{task_id}", operation_id = "get_public_task", tag = "public",
    params(("task_id" = String, Path, description = "Id of the task"), GetPublicTask, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TaskStatusResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_public_task(
    State(db): State<Db>,
    Shared(shared): Shared,
    PathOf(task_id): PathOf<String>,
    Query(query): Query<GetPublicTask>,
) -> Result<Json<TaskStatusResponse>, ApiError> {
    Ok(Json(public::get_task(&db, &shared, &task_id, query.include_trials).await?))
}

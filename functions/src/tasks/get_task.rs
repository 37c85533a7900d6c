//! `GET /tasks/{task_id}`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{ErrorBody, GetTaskQuery, TaskStatusResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::Db;

/// Returns a task with its trials.
#[utoipa::path(get, path = "/tasks/{task_id}", operation_id = "get_task", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"), GetTaskQuery),
    responses((status = 200, body = TaskStatusResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_task(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(task_id): PathOf<String>,
    Query(query): Query<GetTaskQuery>,
) -> Result<Json<TaskStatusResponse>, ApiError> {
    tasks::get(&db, task_id, &query, OffsetDateTime::now_utc()).await.map(Json).map_err(ApiError::in_query)
}

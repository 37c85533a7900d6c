//! `GET /tasks/{task_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskStatusResponse};
use oddish_db::tasks::{self, Counted};
use oddish_db::trials::{self, OfTask};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::task_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::{PathOf, Query};
use crate::state::Db;
use oddish::tasks::present::{present_task, present_trials};

/// How much of the task.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct GetTask {
    /// Whether the task comes with its trials.
    include_trials: bool,
    /// Which version's trials to show and count: a number, or `all`. The newest that has any, when it is left out.
    #[param(pattern = "^(all|[1-9][0-9]{0,8})$", example = "all")]
    version: Option<String>,
}

impl Default for GetTask {
    fn default() -> Self {
        Self { include_trials: true, version: None }
    }
}

/// One task with its trials.
#[utoipa::path(get, path = "/tasks/{task_id}", operation_id = "get_task", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task"), GetTask),
    responses((status = 200, body = TaskStatusResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_task(
    _: Authed<Read>,
    State(db): State<Db>,
    PathOf(task_id): PathOf<String>,
    Query(query): Query<GetTask>,
) -> Result<Json<TaskStatusResponse>, ApiError> {
    let counted = counted(query.version.as_deref())?;
    let task = tasks::get(&db, &task_id, counted).await?.ok_or_else(|| task_not_found(&task_id))?;
    if !query.include_trials {
        return Ok(Json(present_task(task, None)));
    }
    let version = if counted == Counted::All { None } else { task.counted_version };
    let trials = if task.tally.total == 0 {
        Vec::new()
    } else {
        trials::list_of_tasks(&db, &[OfTask { task_id, version }], None).await?
    };
    Ok(Json(present_task(task, Some(present_trials(&db, trials).await?))))
}

/// Reads which version's trials are meant.
pub(crate) fn counted(version: Option<&str>) -> Result<Counted, ApiError> {
    match version {
        None => Ok(Counted::Newest),
        Some("all") => Ok(Counted::All),
        Some(number) => {
            let number = number.parse().ok().filter(|number| *number > 0);
            number.map(Counted::Version).ok_or_else(|| {
                let loc = vec![json!("query"), json!("version")];
                ApiError::value_error(loc, "version must be a number from 1, or `all`")
            })
        }
    }
}

//! `POST /tasks/cancel`.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use oddish_api_types::{CancelTasksRequest, CancelTasksResponse, ErrorBody};
use oddish_db::cancelling::{self, Cancelled};
use oddish_db::trial_selection::{self, Scope, Selection};
use serde_json::json;
use time::OffsetDateTime;

use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::{Db, Wake};
use crate::trials::{CANCELLED, cancelled_trials};

/// Tasks of one request at the most.
const MAX_TASKS: usize = 1000;

/// Cancels whole tasks: trials that wait end at once, those that run stop within seconds.
///
/// A task that is cancelled has `failed` once its last trial has stopped. Tasks and trials that have ended stay as they are.
#[utoipa::path(post, path = "/tasks/cancel", operation_id = "cancel_tasks", tag = "tasks", request_body = CancelTasksRequest,
    responses((status = 200, body = CancelTasksResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn cancel_tasks(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    Body(request): Body<CancelTasksRequest>,
) -> Result<Json<CancelTasksResponse>, ApiError> {
    let asked = distinct(request.task_ids)?;
    let existing: HashSet<String> = oddish_db::tasks::existing(&db, &asked).await?.into_iter().collect();
    let (found, missing): (Vec<String>, Vec<String>) = asked.into_iter().partition(|id| existing.contains(id));
    if found.is_empty() {
        // Published clients know this text and that of the 400 (docs/compatibility.md, 1.8).
        return Err(ApiError::not_found("No matching tasks found"));
    }
    let trials = trial_selection::ids(&db, &Selection::all(Scope::Tasks(found.clone()))).await?;
    let cancelled = cancelling::cancel(&db, &trials, &found, OffsetDateTime::now_utc()).await?;
    wake.dispatcher().await;
    Ok(Json(response(found, missing, cancelled)))
}

/// The ids in their order, each once.
fn distinct(task_ids: Vec<String>) -> Result<Vec<String>, ApiError> {
    if task_ids.is_empty() {
        return Err(ApiError::bad_request("Provide at least one task_id"));
    }
    if task_ids.len() > MAX_TASKS {
        let rule = format!("task_ids must name at most {MAX_TASKS} tasks: cancel them in several requests");
        return Err(ApiError::value_error(vec![json!("body"), json!("task_ids")], rule));
    }
    let mut seen = HashSet::new();
    Ok(task_ids.into_iter().filter(|id| seen.insert(id.clone())).collect())
}

fn response(found: Vec<String>, missing: Vec<String>, cancelled: Cancelled) -> CancelTasksResponse {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    CancelTasksResponse {
        status: CANCELLED.to_owned(),
        tasks_found: count(found.len()),
        task_ids: found,
        not_found_task_ids: missing,
        tasks_cancelled: count(cancelled.tasks.len()),
        trials_cancelled: count(cancelled.ended.len() + cancelled.stopping.len()),
        modal_calls_cancelled: 0,
        trials: cancelled_trials(cancelled),
    }
}

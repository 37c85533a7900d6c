//! `GET /tasks`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TaskStatus, TaskStatusResponse, TrialResponse};
use oddish_db::tasks::TaskFilter;
use oddish_db::trials::Trial;
use oddish_db::{tasks, trials};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::present::{present_task, present_trials};
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Db;

const MAX_LIMIT: i64 = 1000;

/// Which tasks, and how much of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ListTasks {
    /// Only tasks in this stage.
    status: Option<TaskStatus>,
    /// Only tasks that this user submitted.
    user: Option<String>,
    /// Only tasks of this experiment, by id, and of their trials only those that belong to it.
    experiment_id: Option<String>,
    /// Whether each task comes with its trials.
    include_trials: bool,
    /// Tasks at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: i64,
    /// Tasks to skip.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
    offset: i64,
}

impl Default for ListTasks {
    fn default() -> Self {
        Self { status: None, user: None, experiment_id: None, include_trials: true, limit: 100, offset: 0 }
    }
}

/// Lists tasks, newest first.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(ListTasks),
    responses((status = 200, body = Vec<TaskStatusResponse>), (status = 422, body = ErrorBody)))]
pub async fn list_tasks(
    _: Authed<Read>,
    State(Db(pool)): State<Db>,
    Query(query): Query<ListTasks>,
) -> Result<Json<Vec<TaskStatusResponse>>, ApiError> {
    if !(1..=MAX_LIMIT).contains(&query.limit) {
        let loc = vec![json!("query"), json!("limit")];
        return Err(ApiError::value_error(loc, format!("limit must be from 1 to {MAX_LIMIT}")));
    }
    if query.offset < 0 {
        return Err(ApiError::value_error(vec![json!("query"), json!("offset")], "offset must not be negative"));
    }
    let filter = TaskFilter {
        task_id: None,
        status: query.status,
        submitted_by: query.user,
        experiment_id: query.experiment_id.clone(),
    };
    let tasks = tasks::list(&pool, &filter, query.limit, query.offset).await?;
    let mut trials_of: HashMap<String, Vec<TrialResponse>> = HashMap::new();
    if query.include_trials {
        let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
        // Of a task that has trials in several experiments, only those of the one that was asked for (contract 1.5).
        let wanted = |trial: &Trial| query.experiment_id.as_ref().is_none_or(|wanted| *wanted == trial.experiment_id);
        let trials = trials::list_of_tasks(&pool, &ids).await?.into_iter().filter(wanted).collect();
        for trial in present_trials(&pool, trials).await? {
            trials_of.entry(trial.task_id.clone()).or_default().push(trial);
        }
    }
    let with_trials = query.include_trials;
    let answer = tasks.into_iter().map(|task| {
        let trials = with_trials.then(|| trials_of.remove(&task.id).unwrap_or_default());
        present_task(task, trials)
    });
    Ok(Json(answer.collect()))
}

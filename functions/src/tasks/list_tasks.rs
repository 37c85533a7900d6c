//! `GET /tasks`.

use std::collections::HashMap;

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use oddish_api_types::{ErrorBody, FailureClass, TaskStatus, TaskStatusResponse, TrialResponse};
use oddish_db::tasks::{Counted, Task, TaskFilter};
use oddish_db::trials::OfTask;
use oddish_db::{tasks, trials};
use oddish_domain::queue_key;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::Query;
use crate::paging::{self, MAX_LIMIT, Wanted};
use crate::state::Db;
use oddish::tasks::present::{compact, present_task, present_trials};

/// Which tasks, and how much of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ListTasks {
    /// Only tasks in this stage.
    status: Option<TaskStatus>,
    /// Only tasks that this user submitted.
    user: Option<String>,
    /// Only tasks of this experiment, by id, and of their trials those that it ran: all of them, of whatever version, and no others.
    experiment_id: Option<String>,
    /// Only tasks with a trial of this agent.
    agent: Option<String>,
    /// Only tasks with a trial of this model, in any spelling.
    model: Option<String>,
    /// Only tasks with a trial that ended with an error of this class.
    error_class: Option<FailureClass>,
    /// Whether each task comes with its trials: those of the newest version that has any, or those that `experiment_id` ran.
    include_trials: bool,
    /// Whether trials come without their tokens, cost and the long parts of their analyses.
    compact_trials: bool,
    /// `-created_at`, the newest first, or `created_at`.
    #[param(example = "-created_at", pattern = "^-?created_at$")]
    sort: Option<String>,
    /// Tasks at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: i64,
    /// Tasks to skip.
    #[param(minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// Where to go on: the `x-next-cursor` of the page before.
    cursor: Option<String>,
    /// Whether to count all tasks that fit, into `x-total-count`.
    total: bool,
}

impl Default for ListTasks {
    fn default() -> Self {
        Self {
            status: None,
            user: None,
            experiment_id: None,
            agent: None,
            model: None,
            error_class: None,
            include_trials: true,
            compact_trials: false,
            sort: None,
            limit: 100,
            offset: None,
            cursor: None,
            total: false,
        }
    }
}

/// Lists tasks, newest first.
///
/// Where there are more than `limit`, the headers `x-next-cursor` and `link` say where the list goes on.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(ListTasks),
    responses((status = 200, body = Vec<TaskStatusResponse>, headers(
            ("x-next-cursor" = String, description = "Cursor of the next page, if there is one"),
            ("x-total-count" = i64, description = "Tasks that fit, where `total` was asked for"),
            ("link" = String, description = "The next page, if there is one"))),
        (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_tasks(
    _: Authed<Read>,
    State(db): State<Db>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ListTasks>,
) -> Result<Response, ApiError> {
    let wanted = Wanted {
        limit: query.limit,
        max_limit: MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: query.sort.as_deref(),
    };
    let chosen = paging::choose(wanted, &[("created_at", ())])?;
    let filter = TaskFilter {
        task_id: None,
        status: query.status,
        submitted_by: query.user,
        experiment_id: query.experiment_id,
        agent: query.agent,
        model: query.model.as_deref().map(queue_key::normal_form),
        error_class: query.error_class,
        counted: Counted::Newest,
    };
    let listed = tasks::list(&db, &filter, &chosen.page).await?;
    let total = if query.total { Some(tasks::count(&db, &filter).await?) } else { None };
    let next = chosen.cursor(listed.next.as_ref());
    let answer = if query.include_trials {
        with_trials(&db, listed.items, filter.experiment_id.as_deref(), query.compact_trials).await?
    } else {
        listed.items.into_iter().map(|task| present_task(task, None)).collect()
    };
    Ok(paging::array(&answer, next.as_deref(), total, &uri))
}

/// The tasks with the trials that they count; of one experiment only, if one is named.
pub(crate) async fn with_trials(
    db: &Db,
    tasks: Vec<Task>,
    experiment_id: Option<&str>,
    compacted: bool,
) -> Result<Vec<TaskStatusResponse>, ApiError> {
    let counted: Vec<OfTask> = tasks
        .iter()
        .filter(|task| task.tally.total > 0)
        .map(|task| {
            let version = if experiment_id.is_some() { None } else { task.counted_version };
            OfTask { task_id: task.id.clone(), version }
        })
        .collect();
    let trials = trials::list_of_tasks(db, &counted, experiment_id).await?;
    let mut of_task: HashMap<String, Vec<TrialResponse>> = HashMap::with_capacity(tasks.len());
    for trial in present_trials(db, trials).await? {
        let trial = if compacted { compact(trial) } else { trial };
        of_task.entry(trial.task_id.clone()).or_default().push(trial);
    }
    Ok(tasks
        .into_iter()
        .map(|task| {
            let trials = of_task.remove(&task.id).unwrap_or_default();
            present_task(task, Some(trials))
        })
        .collect())
}

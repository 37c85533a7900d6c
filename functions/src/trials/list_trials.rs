//! `GET /trials`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, FailureClass, ListTrialsResponse, TrialStatus};
use oddish_db::trials::{self, TrialFilter, TrialSort};
use oddish_domain::queue_key;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::Query;
use crate::paging::{self, MAX_LIMIT, Wanted};
use crate::state::Db;
use oddish::tasks::present::present_trials;

const ORDERS: &[(&str, TrialSort)] = &[
    ("created_at", TrialSort::Created),
    ("finished_at", TrialSort::Finished),
    ("duration", TrialSort::Duration),
    ("reward", TrialSort::Reward),
    ("cost_usd", TrialSort::Cost),
];

/// Which trials.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ListTrials {
    /// Only trials in this state.
    status: Option<TrialStatus>,
    /// Only trials of tasks that this user submitted.
    user: Option<String>,
    /// Only trials of this task.
    task_id: Option<String>,
    /// Only trials of this experiment, by id.
    experiment_id: Option<String>,
    /// Only trials of this agent.
    agent: Option<String>,
    /// Only trials of this model, in any spelling.
    model: Option<String>,
    /// Only trials under the limit of this queue key.
    queue_key: Option<String>,
    /// Only trials that ended with an error of this class.
    error_class: Option<FailureClass>,
    /// `created_at`; or, within a task or an experiment, `finished_at`, `duration`, `reward` or `cost_usd`. A `-` before it puts the highest
    /// first; those that have none come last then.
    #[param(example = "-created_at", pattern = "^-?(created_at|finished_at|duration|reward|cost_usd)$")]
    sort: Option<String>,
    /// Trials at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: i64,
    /// Trials to skip.
    #[param(minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// Whether to count all trials that fit.
    total: bool,
}

impl Default for ListTrials {
    fn default() -> Self {
        Self {
            status: None,
            user: None,
            task_id: None,
            experiment_id: None,
            agent: None,
            model: None,
            queue_key: None,
            error_class: None,
            sort: None,
            limit: 100,
            offset: None,
            cursor: None,
            total: false,
        }
    }
}

/// Lists trials, newest first.
#[utoipa::path(get, path = "/trials", operation_id = "list_trials", tag = "trials", params(ListTrials),
    responses((status = 200, body = ListTrialsResponse), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_trials(
    _: Authed<Read>,
    State(db): State<Db>,
    Query(query): Query<ListTrials>,
) -> Result<Json<ListTrialsResponse>, ApiError> {
    let wanted = Wanted {
        limit: query.limit,
        max_limit: MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: query.sort.as_deref(),
    };
    let chosen = paging::choose(wanted, ORDERS)?;
    if !chosen.sort.is_indexed() && query.experiment_id.is_none() && query.task_id.is_none() {
        let rule =
            "all trials are listed by created_at only; name an experiment_id or a task_id to sort by something else";
        return Err(ApiError::value_error(vec![json!("query"), json!("sort")], rule));
    }
    let filter = TrialFilter {
        task_id: query.task_id,
        experiment_id: query.experiment_id,
        status: query.status,
        submitted_by: query.user,
        agent: query.agent,
        model: query.model.as_deref().map(queue_key::normal_form),
        queue_key: query.queue_key,
        error_class: query.error_class,
    };
    let listed = trials::list(&db, &filter, chosen.sort, &chosen.page).await?;
    let total = if query.total { Some(trials::count(&db, &filter).await?) } else { None };
    Ok(Json(ListTrialsResponse {
        next_cursor: chosen.cursor(listed.next.as_ref()),
        items: present_trials(&db, listed.items).await?,
        limit: query.limit,
        total,
    }))
}

//! `GET /experiments`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, ListExperimentsResponse};
use oddish_db::experiment_summaries::{self, ExperimentFilter, ExperimentSort, ExperimentState};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::present::present;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::Query;
use crate::paging::{self, Wanted};
use crate::state::Db;

/// What state an experiment is in.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(example = "active")]
pub enum ExperimentStatus {
    /// A trial has not ended.
    Active,
    /// All have.
    Completed,
    /// A trial or a verdict failed.
    Failed,
    /// A verdict asks for a review.
    NeedsReview,
    /// A verdict has not come yet.
    PendingVerdict,
}

impl From<ExperimentStatus> for ExperimentState {
    fn from(status: ExperimentStatus) -> Self {
        match status {
            ExperimentStatus::Active => Self::Active,
            ExperimentStatus::Completed => Self::Completed,
            ExperimentStatus::Failed => Self::Failed,
            ExperimentStatus::NeedsReview => Self::NeedsReview,
            ExperimentStatus::PendingVerdict => Self::PendingVerdict,
        }
    }
}

/// Which experiments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ListExperiments {
    /// Only experiments with this in their name or in a submitter's, whatever the case, or of this id.
    query: Option<String>,
    /// Only experiments in this state.
    #[param(inline)]
    status: Option<ExperimentStatus>,
    /// Only experiments with a task that this user submitted.
    user: Option<String>,
    /// `created_at`, or `active_at` for when something last happened. A `-` before it puts the newest first.
    #[param(example = "-created_at", pattern = "^-?(created_at|active_at)$")]
    sort: Option<String>,
    /// Experiments at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: i64,
    /// Experiments to skip.
    #[param(minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// Whether to count all experiments that fit.
    total: bool,
}

impl Default for ListExperiments {
    fn default() -> Self {
        Self { query: None, status: None, user: None, sort: None, limit: 100, offset: None, cursor: None, total: false }
    }
}

/// Lists experiments, newest first.
#[utoipa::path(get, path = "/experiments", operation_id = "list_experiments", tag = "experiments", params(ListExperiments),
    responses((status = 200, body = ListExperimentsResponse), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_experiments(
    _: Authed<Read>,
    State(db): State<Db>,
    Query(query): Query<ListExperiments>,
) -> Result<Json<ListExperimentsResponse>, ApiError> {
    let wanted = Wanted {
        limit: query.limit,
        max_limit: paging::MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: query.sort.as_deref(),
    };
    let orders = [("created_at", ExperimentSort::Created), ("active_at", ExperimentSort::Active)];
    let chosen = paging::choose(wanted, &orders)?;
    let filter = ExperimentFilter {
        id: None,
        query: query.query,
        submitted_by: query.user,
        state: query.status.map(ExperimentState::from),
    };
    let listed = experiment_summaries::list(&db, &filter, chosen.sort, &chosen.page).await?;
    let total = if query.total { Some(experiment_summaries::count(&db, &filter).await?) } else { None };
    Ok(Json(ListExperimentsResponse {
        next_cursor: chosen.cursor(listed.next.as_ref()),
        items: listed.items.into_iter().map(present).collect(),
        limit: query.limit,
        total,
    }))
}

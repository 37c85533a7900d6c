//! `GET /tasks/browse`.

use axum::Json;
use axum::extract::State;
use oddish::tasks;
use oddish_api_types::{BrowseTasksResponse, ErrorBody};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::state::Db;

/// Which tasks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BrowseTasks {
    /// Only tasks with this in their name, whatever the case.
    query: Option<String>,
    /// Tasks at the most.
    #[param(minimum = 1, maximum = 100)]
    limit: i64,
    /// Tasks to skip.
    #[param(minimum = 0, maximum = 1_000_000)]
    offset: i64,
}

impl Default for BrowseTasks {
    fn default() -> Self {
        Self { query: None, limit: 25, offset: 0 }
    }
}

/// Lists tasks by name with the results of their current version, most recently run first.
#[utoipa::path(get, path = "/tasks/browse", operation_id = "browse_tasks", tag = "tasks", params(BrowseTasks),
    responses((status = 200, body = BrowseTasksResponse), (status = 422, body = ErrorBody)))]
pub async fn browse_tasks(
    _: Authed<Read>,
    State(db): State<Db>,
    Query(query): Query<BrowseTasks>,
) -> Result<Json<BrowseTasksResponse>, ApiError> {
    let BrowseTasks { query, limit, offset } = query;
    tasks::browse(&db, query.as_deref(), limit, offset).await.map(Json).map_err(ApiError::in_query)
}

//! `GET /public/experiments/{token}/tasks`.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use oddish::paging::{MAX_LIMIT, Wanted};
use oddish::public;
use oddish_api_types::{ErrorBody, TaskStatusResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::http::paging;
use crate::state::Db;

/// Which of the tasks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ListPublicTasks {
    /// Tasks at the most.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: i64,
    /// Tasks to skip.
    #[param(minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// Where to go on: the `x-next-cursor` of the page before.
    cursor: Option<String>,
}

impl Default for ListPublicTasks {
    fn default() -> Self {
        Self { limit: 200, offset: None, cursor: None }
    }
}

/// Lists the tasks with trials in a shared experiment, newest first, with these trials.
#[utoipa::path(get, path = "/public/experiments/{token}/tasks", operation_id = "list_public_tasks", tag = "public",
    params(("token" = String, Path, description = "Token of the shared experiment", pattern = "^[A-Za-z0-9_-]{43}$"),
        ListPublicTasks),
    responses((status = 200, body = Vec<TaskStatusResponse>, headers(
            ("x-next-cursor" = String, description = "Cursor of the next page, if there is one"),
            ("link" = String, description = "The next page, if there is one"))),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_public_tasks(
    State(db): State<Db>,
    Shared(shared): Shared,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ListPublicTasks>,
) -> Result<Response, ApiError> {
    let wanted = Wanted {
        limit: query.limit,
        max_limit: MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: None,
    };
    let listing = public::list_tasks(&db, &shared, wanted).await.map_err(ApiError::in_query)?;
    Ok(paging::array(&listing, &uri))
}

//! `GET /tasks`.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use oddish::tasks;
use oddish_api_types::{ErrorBody, ListTasksQuery, TaskStatusResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::http::paging;
use crate::state::Db;

/// Lists tasks, newest first.
///
/// If there are more than `limit`, the headers `x-next-cursor` and `link` name the next page.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(ListTasksQuery),
    responses((status = 200, body = Vec<TaskStatusResponse>, headers(
            ("x-next-cursor" = String, description = "Cursor of the next page, if there is one"),
            ("x-total-count" = i64, description = "Tasks that fit, where `total` was asked for"),
            ("link" = String, description = "The next page, if there is one"))),
        (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_tasks(
    _: Authed<Read>,
    State(db): State<Db>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ListTasksQuery>,
) -> Result<Response, ApiError> {
    let listing = tasks::list(&db, query, OffsetDateTime::now_utc()).await.map_err(ApiError::in_query)?;
    Ok(paging::array(&listing, &uri))
}

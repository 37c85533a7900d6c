//! `GET /trials`.

use axum::Json;
use axum::extract::State;
use oddish::trials;
use oddish_api_types::{ErrorBody, ListTrialsQuery, ListTrialsResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::state::Db;

/// Lists trials, newest first, or those that changed since an earlier answer.
#[utoipa::path(get, path = "/trials", operation_id = "list_trials", tag = "trials", params(ListTrialsQuery),
    responses((status = 200, body = ListTrialsResponse), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_trials(
    _: Authed<Read>,
    State(db): State<Db>,
    Query(query): Query<ListTrialsQuery>,
) -> Result<Json<ListTrialsResponse>, ApiError> {
    trials::list(&db, query, OffsetDateTime::now_utc()).await.map(Json).map_err(ApiError::in_query)
}

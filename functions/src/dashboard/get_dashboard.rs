//! `GET /dashboard`.

use axum::Json;
use axum::extract::State;
use oddish::dashboard;
use oddish_api_types::{DashboardResponse, ErrorBody, GetDashboardQuery};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::state::Db;

/// Returns queues, stages, use of models, the newest tasks and the most recently active experiments.
#[utoipa::path(get, path = "/dashboard", operation_id = "get_dashboard", tag = "dashboard", params(GetDashboardQuery),
    responses((status = 200, body = DashboardResponse), (status = 422, body = ErrorBody)))]
pub async fn get_dashboard(
    _: Authed<Read>,
    State(db): State<Db>,
    Query(query): Query<GetDashboardQuery>,
) -> Result<Json<DashboardResponse>, ApiError> {
    dashboard::get(&db, query, OffsetDateTime::now_utc()).await.map(Json).map_err(ApiError::in_query)
}

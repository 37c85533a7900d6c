//! `GET /experiments`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, ListExperimentsQuery, ListExperimentsResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::state::Db;

/// Lists experiments, newest first.
#[utoipa::path(get, path = "/experiments", operation_id = "list_experiments", tag = "experiments", params(ListExperimentsQuery),
    responses((status = 200, body = ListExperimentsResponse), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list_experiments(
    _: Authed<Read>,
    State(db): State<Db>,
    Query(query): Query<ListExperimentsQuery>,
) -> Result<Json<ListExperimentsResponse>, ApiError> {
    experiments::list(&db, query).await.map(Json).map_err(ApiError::in_query)
}

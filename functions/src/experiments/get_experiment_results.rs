//! `GET /experiments/{experiment_id}/results`.

use axum::extract::State;
use axum::response::Response;
use oddish::results;
use oddish_api_types::{ErrorBody, GetResultsQuery, ResultsResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::http::validators::{KnownTags, versioned};
use crate::state::Db;

/// Returns what the trials of an experiment show about each agent and model, with 95 % intervals.
///
/// Trials without a grade are never counted as a reward of 0.
#[utoipa::path(get, path = "/experiments/{experiment_id}/results", operation_id = "get_experiment_results", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment"), GetResultsQuery),
    responses((status = 200, body = ResultsResponse), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn get_experiment_results(
    _: Authed<Read>,
    State(db): State<Db>,
    known: KnownTags,
    PathOf(experiment_id): PathOf<String>,
    Query(query): Query<GetResultsQuery>,
) -> Result<Response, ApiError> {
    let found = results::get(&db, &experiment_id, &query, |version| known.have(version)).await;
    found.map(versioned).map_err(ApiError::in_query)
}

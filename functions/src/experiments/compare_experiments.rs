//! `GET /experiments/{experiment_id}/compare`.

use axum::extract::State;
use axum::response::Response;
use oddish::results;
use oddish_api_types::{CompareQuery, CompareResponse, ErrorBody};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::http::validators::{KnownTags, versioned};
use crate::state::Db;

/// Compares an experiment with another one, task by task.
///
/// The experiment in the path is the left side: differences are right minus left. If each side has one agent and model, the two are compared
/// even if they differ; else equal ones are.
#[utoipa::path(get, path = "/experiments/{experiment_id}/compare", operation_id = "compare_experiments", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment that the other is compared with"), CompareQuery),
    responses((status = 200, body = CompareResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn compare_experiments(
    _: Authed<Read>,
    State(db): State<Db>,
    known: KnownTags,
    PathOf(experiment_id): PathOf<String>,
    Query(query): Query<CompareQuery>,
) -> Result<Response, ApiError> {
    let found = results::compare(&db, &experiment_id, query, |version| known.have(version)).await;
    found.map(versioned).map_err(ApiError::in_query)
}

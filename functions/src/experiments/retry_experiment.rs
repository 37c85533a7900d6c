//! `POST /experiments/{experiment_id}/retry`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{ErrorBody, RetryExperimentRequest, RetryExperimentResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::{Body, PathOf, Repeatable};
use crate::http::idempotency::IdempotencyHeader;
use crate::state::{Db, Wake};

/// Retries the trials of an experiment that have ended and match the filter.
///
/// Each gets all its attempts again. With `dry_run`, the answer lists them and nothing is changed.
#[utoipa::path(post, path = "/experiments/{experiment_id}/retry", operation_id = "retry_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment"), IdempotencyHeader),
    request_body = RetryExperimentRequest,
    responses((status = 200, body = RetryExperimentResponse), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn retry_experiment(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(experiment_id): PathOf<String>,
    Repeatable { key, body: Body(request) }: Repeatable<Body<RetryExperimentRequest>>,
) -> Result<Json<RetryExperimentResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    Ok(Json(experiments::retry(&db, &wake, experiment_id, key.as_ref(), &request, now).await?))
}

//! `POST /trials/{trial_id}/retry`.

use axum::Json;
use axum::extract::State;
use oddish::trials;
use oddish_api_types::{ErrorBody, RetryTrialResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Repeatable};
use crate::http::idempotency::IdempotencyHeader;
use crate::state::{Db, Wake};

/// Retries a trial that has ended.
///
/// It gets all its attempts again. Its earlier results are no longer its results.
#[utoipa::path(post, path = "/trials/{trial_id}/retry", operation_id = "retry_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial"), IdempotencyHeader),
    responses((status = 200, body = RetryTrialResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn retry_trial(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(trial_id): PathOf<String>,
    Repeatable { key, body: () }: Repeatable<()>,
) -> Result<Json<RetryTrialResponse>, ApiError> {
    Ok(Json(trials::retry(&db, &wake, trial_id, key.as_ref(), OffsetDateTime::now_utc()).await?))
}

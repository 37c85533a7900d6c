//! `POST /trials/{trial_id}/analysis/retry`.

use axum::Json;
use axum::extract::State;
use oddish::trials;
use oddish_api_types::{ErrorBody, RetryTrialResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Db, Judges, Limits, Wake};

/// Analyses a trial that has ended again, then makes a new verdict on its task.
///
/// The new analysis replaces the present one. A task without judging is judged from then on.
#[utoipa::path(post, path = "/trials/{trial_id}/analysis/retry", operation_id = "retry_trial_analysis", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = RetryTrialResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This deployment judges nothing")))]
pub async fn retry_trial_analysis(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(limits): State<Limits>,
    State(judges): State<Judges>,
    State(wake): State<Wake>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<RetryTrialResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    Ok(Json(trials::retry_analysis(&db, &limits, &judges, &wake, trial_id, now).await?))
}

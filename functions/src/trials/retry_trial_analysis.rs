//! `POST /trials/{trial_id}/analysis/retry`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, RetryTrialResponse};
use oddish_db::rejudging;
use time::OffsetDateTime;

use super::QUEUED;
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Db, Limits, Wake};
use oddish::judging::{Judges, refusal};

/// Has a trial analysed that has ended, in place of the analysis that it has, and then a new verdict made on its task.
///
/// A task that was not to be judged is to be from now on.
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
    let by = judges.by(&limits.concurrency)?;
    rejudging::analyse_trial(&db, &trial_id, by, OffsetDateTime::now_utc())
        .await
        .map_err(|refused| refusal(refused, || oddish::trials::not_found(&trial_id)))?;
    wake.dispatcher().await;
    Ok(Json(RetryTrialResponse { status: QUEUED.to_owned(), trial_id }))
}

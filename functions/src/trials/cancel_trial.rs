//! `POST /trials/{trial_id}/cancel`.

use axum::Json;
use axum::extract::State;
use oddish::trials;
use oddish_api_types::{CancelResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Db, Wake};

/// Cancels a trial.
///
/// A waiting trial ends at once, a running one stops within seconds, and one that has ended does not change.
#[utoipa::path(post, path = "/trials/{trial_id}/cancel", operation_id = "cancel_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = CancelResponse), (status = 404, body = ErrorBody)))]
pub async fn cancel_trial(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<CancelResponse>, ApiError> {
    Ok(Json(trials::cancel(&db, &wake, trial_id, OffsetDateTime::now_utc()).await?))
}

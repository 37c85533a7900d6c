//! `POST /trials/{trial_id}/cancel`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{CancelResponse, ErrorBody};
use oddish_db::cancelling;
use oddish_db::trial_selection::{self, Scope, Selection};
use time::OffsetDateTime;

use super::{CANCELLED, cancelled_trials, trial_not_found};
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Db, Wake};

/// Cancels a trial: one that waits ends at once, one that runs stops within seconds, one that has ended stays as it is.
#[utoipa::path(post, path = "/trials/{trial_id}/cancel", operation_id = "cancel_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = CancelResponse), (status = 404, body = ErrorBody)))]
pub async fn cancel_trial(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<CancelResponse>, ApiError> {
    let trials = trial_selection::ids(&db, &Selection::all(Scope::Trial(trial_id.clone()))).await?;
    if trials.is_empty() {
        return Err(trial_not_found(&trial_id));
    }
    let cancelled = cancelling::cancel(&db, &trials, &[], OffsetDateTime::now_utc()).await?;
    wake.dispatcher().await;
    Ok(Json(CancelResponse { status: CANCELLED.to_owned(), trials: cancelled_trials(cancelled) }))
}

//! `POST /trials/{trial_id}/retry`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, RetryTrialResponse, TrialOrigin};
use oddish_db::retrying;
use oddish_db::trial_selection::{Scope, Selection};
use time::OffsetDateTime;

use super::{QUEUED, trial_not_found};
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::{PathOf, Repeatable};
use crate::idempotency::{self, Begun, IdempotencyHeader};
use crate::state::{Db, Wake};

/// Runs a trial again that has ended, with all its tries. What it left before is no longer its result.
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
    let mut work = match idempotency::begin(&db, key.as_ref()).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let selection = Selection::all(Scope::Trial(trial_id.clone()));
    let requeued = retrying::retry_within(&mut work, &selection, OffsetDateTime::now_utc()).await?;
    if requeued.queued.is_empty() {
        drop(work);
        return Err(not_ended(&db, &trial_id).await);
    }
    let answer = idempotency::finish(work, RetryTrialResponse { status: QUEUED.to_owned(), trial_id }).await?;
    wake.dispatcher().await;
    Ok(answer)
}

async fn not_ended(db: &Db, trial_id: &str) -> ApiError {
    match oddish_db::trials::get(db, trial_id).await {
        Ok(Some(trial)) if trial.origin == TrialOrigin::Imported => ApiError::bad_request(format!(
            "Trial {trial_id} was imported: it ran elsewhere and cannot be run again here."
        )),
        // Stuck trials are found and retried without being asked, so that the text does not name them (docs/compatibility.md, 1.9).
        Ok(Some(trial)) => {
            ApiError::bad_request(format!("Can only retry completed or failed trials (current: {})", trial.status))
        }
        Ok(None) => trial_not_found(trial_id),
        Err(error) => error.into(),
    }
}

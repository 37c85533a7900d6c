//! `DELETE /trials/{trial_id}`.

use axum::Json;
use axum::extract::State;
use oddish::trials;
use oddish_api_types::{DeleteTrialResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Artifacts, Db, Wake};

/// Deletes a trial and all that is stored of it.
///
/// A running trial stops within seconds. Its task stays, without its verdict, which was based on all trials. A task that waits for its
/// verdict continues without this trial; a task that has ended stays ended.
#[utoipa::path(delete, path = "/trials/{trial_id}", operation_id = "delete_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = DeleteTrialResponse), (status = 404, body = ErrorBody)))]
pub async fn delete_trial(
    _: Authed<Full>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(wake): State<Wake>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<DeleteTrialResponse>, ApiError> {
    Ok(Json(trials::delete(&db, &artifacts, &wake, trial_id, OffsetDateTime::now_utc()).await?))
}

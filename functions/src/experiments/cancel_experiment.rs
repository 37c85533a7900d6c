//! `POST /experiments/{experiment_id}/cancel`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{CancelResponse, ErrorBody};
use oddish_db::cancelling;
use oddish_db::tasks;
use oddish_db::trial_selection::{self, Scope, Selection};
use time::OffsetDateTime;

use super::require;
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Db, Wake};
use crate::trials::{CANCELLED, cancelled_trials};

/// Cancels all trials of an experiment: those that wait end at once, those that run stop within seconds.
///
/// A task with trials in other experiments goes on with those.
#[utoipa::path(post, path = "/experiments/{experiment_id}/cancel", operation_id = "cancel_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = CancelResponse), (status = 404, body = ErrorBody)))]
pub async fn cancel_experiment(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<CancelResponse>, ApiError> {
    require(&db, &experiment_id).await?;
    let whole_tasks = tasks::only_in_experiment(&db, &experiment_id).await?;
    let trials = trial_selection::ids(&db, &Selection::all(Scope::Experiment(experiment_id))).await?;
    let cancelled = cancelling::cancel(&db, &trials, &whole_tasks, OffsetDateTime::now_utc()).await?;
    wake.dispatcher().await;
    Ok(Json(CancelResponse { status: CANCELLED.to_owned(), trials: cancelled_trials(cancelled) }))
}

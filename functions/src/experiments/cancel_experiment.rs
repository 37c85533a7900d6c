//! `POST /experiments/{experiment_id}/cancel`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{CancelResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Db, Wake};

/// Cancels all trials of an experiment.
///
/// Waiting trials end at once, running ones stop within seconds. Trials of the same tasks in other experiments continue.
#[utoipa::path(post, path = "/experiments/{experiment_id}/cancel", operation_id = "cancel_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = CancelResponse), (status = 404, body = ErrorBody)))]
pub async fn cancel_experiment(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<CancelResponse>, ApiError> {
    Ok(Json(experiments::cancel(&db, &wake, experiment_id, OffsetDateTime::now_utc()).await?))
}

//! `DELETE /experiments/{experiment_id}`.

use axum::Json;
use axum::extract::State;
use oddish::experiments;
use oddish_api_types::{DeleteExperimentResponse, ErrorBody};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::PathOf;
use crate::state::{Artifacts, Db, Wake};

/// Deletes an experiment with its trials and all that is stored of them.
///
/// Tasks without another trial are deleted too. Tasks with trials in other experiments stay and are moved to one of these. Running trials
/// stop within seconds.
#[utoipa::path(delete, path = "/experiments/{experiment_id}", operation_id = "delete_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = DeleteExperimentResponse), (status = 404, body = ErrorBody)))]
pub async fn delete_experiment(
    _: Authed<Full>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(wake): State<Wake>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<DeleteExperimentResponse>, ApiError> {
    Ok(Json(experiments::delete(&db, &artifacts, &wake, &experiment_id, OffsetDateTime::now_utc()).await?))
}

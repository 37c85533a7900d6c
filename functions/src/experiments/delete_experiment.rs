//! `DELETE /experiments/{experiment_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{DeleteExperimentResponse, DeletedExperiment, ErrorBody};
use oddish_db::deleting::{self, Target};
use time::OffsetDateTime;

use super::experiment_not_found;
use crate::auth::{Authed, Full};
use crate::deleting::{SUCCESS, keep};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db, Wake};

/// Deletes an experiment with its trials, whichever tasks they are of, and everything that is stored of them.
///
/// Its tasks go too, as far as no trial is left of them; those that have trials in other experiments stay, filed under one of these. What
/// runs stops within seconds.
#[utoipa::path(delete, path = "/experiments/{experiment_id}", operation_id = "delete_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment")),
    responses((status = 200, body = DeleteExperimentResponse), (status = 404, body = ErrorBody)))]
pub async fn delete_experiment(
    _: Authed<Full>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(wake): State<Wake>,
    PathOf(experiment_id): PathOf<String>,
) -> Result<Json<DeleteExperimentResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    let deletion = deleting::begin(&db, Target::Experiment(&experiment_id), now).await?;
    let deletion = deletion.ok_or_else(|| experiment_not_found(&experiment_id))?;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let deleted =
        DeletedExperiment { trials: count(deletion.trials.len()), tasks: count(deletion.tasks.len()), experiments: 1 };
    keep(deletion, &db, &store, now).await?;
    wake.dispatcher().await;
    Ok(Json(DeleteExperimentResponse { status: SUCCESS.to_owned(), message: "Experiment deleted".to_owned(), deleted }))
}

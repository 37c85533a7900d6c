//! `DELETE /trials/{trial_id}`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{DeleteTrialResponse, DeletedTrial, ErrorBody};
use oddish_db::deleting::{self, Target};
use time::OffsetDateTime;

use super::trial_not_found;
use crate::auth::{Authed, Full};
use crate::deleting::{SUCCESS, keep};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db, Wake};

/// Deletes a trial and everything that is stored of it. If it runs, it stops within seconds.
///
/// Its task stays, without its verdict, which was on all of its trials. A task that was about to get one goes on without this trial; one that
/// was over stays so.
#[utoipa::path(delete, path = "/trials/{trial_id}", operation_id = "delete_trial", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = DeleteTrialResponse), (status = 404, body = ErrorBody)))]
pub async fn delete_trial(
    _: Authed<Full>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(wake): State<Wake>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<DeleteTrialResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    let deletion = deleting::begin(&db, Target::Trial(&trial_id), now).await?;
    let deletion = deletion.ok_or_else(|| trial_not_found(&trial_id))?;
    let task_id = deletion.trials.iter().map(|trial| trial.task_id.clone()).collect();
    keep(deletion, &db, &store, now).await?;
    wake.dispatcher().await;
    Ok(Json(DeleteTrialResponse { status: SUCCESS.to_owned(), deleted: DeletedTrial { trial_id, task_id } }))
}

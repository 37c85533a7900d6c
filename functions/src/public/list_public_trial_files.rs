//! `GET /public/trials/{trial_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialFilesResponse};

use super::{ShareToken, ShareTokenHeader, Shared, trial};
use crate::error::ApiError;
use crate::extract::{PathOf, Query};
use crate::listing::ListQuery;
use crate::state::{Artifacts, Db};
use crate::trials::files;

/// The files that a trial of a shared experiment left, with a link to each.
#[utoipa::path(get, path = "/public/trials/{trial_id}/files", operation_id = "list_public_trial_files", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), ListQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TrialFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_public_trial_files(
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    shared: Shared,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<TrialFilesResponse>, ApiError> {
    let trial = trial(&db, &shared, &trial_id).await?;
    files::list(store.as_ref(), &trial, &query).await.map(Json)
}

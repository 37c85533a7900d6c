//! `GET /trials/{trial_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialFilesResponse};

use super::{files, find_artifacts};
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::{PathOf, Query};
use crate::listing::ListQuery;
use crate::state::{Artifacts, Db};

/// The files that a trial left, with a link to each.
#[utoipa::path(get, path = "/trials/{trial_id}/files", operation_id = "list_trial_files", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial"), ListQuery),
    responses((status = 200, body = TrialFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_trial_files(
    _: Authed<Read>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<TrialFilesResponse>, ApiError> {
    files::list(store.as_ref(), &find_artifacts(&db, &trial_id).await?, &query).await.map(Json)
}

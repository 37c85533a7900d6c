//! `GET /public/trials/{trial_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::trials::files;
use oddish_api_types::{ErrorBody, ListFilesQuery, TrialFilesResponse};

use super::{ShareToken, ShareTokenHeader, Shared};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};

/// Lists the files of a trial in a shared experiment, with a link to each.
#[utoipa::path(get, path = "/public/trials/{trial_id}/files", operation_id = "list_public_trial_files", tag = "public",
    params(("trial_id" = String, Path, description = "Id of the trial"), ListFilesQuery, ShareToken, ShareTokenHeader),
    responses((status = 200, body = TrialFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_public_trial_files(
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    Shared(shared): Shared,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<ListFilesQuery>,
) -> Result<Json<TrialFilesResponse>, ApiError> {
    files::list(&db, &artifacts, Caller::Guest(&shared), &trial_id, &query).await.map(Json).map_err(ApiError::in_query)
}

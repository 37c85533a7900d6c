//! `GET /trials/{trial_id}/files`.

use axum::Json;
use axum::extract::State;
use oddish::caller::Caller;
use oddish::trials::files;
use oddish_api_types::{ErrorBody, ListFilesQuery, TrialFilesResponse};

use crate::http::auth::{Authed, Read};
use crate::http::error::ApiError;
use crate::http::extract::{PathOf, Query};
use crate::state::{Artifacts, Db};

/// Lists the files of a trial, with a link to each.
#[utoipa::path(get, path = "/trials/{trial_id}/files", operation_id = "list_trial_files", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial"), ListFilesQuery),
    responses((status = 200, body = TrialFilesResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn list_trial_files(
    _: Authed<Read>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
    Query(query): Query<ListFilesQuery>,
) -> Result<Json<TrialFilesResponse>, ApiError> {
    files::list(&db, &artifacts, Caller::Member, &trial_id, &query).await.map(Json).map_err(ApiError::in_query)
}

//! `GET /trials/{trial_id}/result`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use oddish_api_types::ErrorBody;
use oddish_artifacts::{Key, StoreError};

use super::trial_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db};

/// Harbor's own `result.json` of the trial, byte for byte.
#[utoipa::path(get, path = "/trials/{trial_id}/result", operation_id = "get_trial_result", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, description = "Harbor's trial result", content_type = "application/json"),
        (status = 404, body = ErrorBody)))]
pub async fn get_trial_result(
    _: Authed<Read>,
    State(Db(pool)): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Response, ApiError> {
    let trial = oddish_db::trials::get(&pool, &trial_id).await?.ok_or_else(|| trial_not_found(&trial_id))?;
    let missing = || {
        let state = if trial.status.is_terminal() { "ended without one" } else { "has not ended yet" };
        ApiError::not_found(format!("Trial {trial_id} has no result: it {state}"))
    };
    let prefix = trial.artifact_prefix.as_deref().ok_or_else(missing)?;
    let key = Key::parse(format!("{prefix}result.json"))?;
    match store.get(&key).await {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response()),
        Err(StoreError::NotFound { .. }) => Err(missing()),
        Err(error) => Err(error.into()),
    }
}

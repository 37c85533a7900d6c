//! `GET /trials/{trial_id}/logs`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, TrialLogsResponse};
use oddish_artifacts::{key, log_text};

use super::trial_not_found;
use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Artifacts, Db};

/// Bytes of log in one answer: with JSON's escapes this stays below what Lambda may answer (6 MB).
const MAX_LOG_BYTES: usize = 2 << 20;

/// The trial's log: what was written so far while it runs, then every log file that it left (contract 3.8).
#[utoipa::path(get, path = "/trials/{trial_id}/logs", operation_id = "get_trial_logs", tag = "trials",
    params(("trial_id" = String, Path, description = "Id of the trial")),
    responses((status = 200, body = TrialLogsResponse), (status = 404, body = ErrorBody)))]
pub async fn get_trial_logs(
    _: Authed<Read>,
    State(Db(pool)): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    PathOf(trial_id): PathOf<String>,
) -> Result<Json<TrialLogsResponse>, ApiError> {
    let trial = oddish_db::trials::get(&pool, &trial_id).await?.ok_or_else(|| trial_not_found(&trial_id))?;
    let mut logs = String::new();
    if let Some(prefix) = &trial.artifact_prefix {
        logs = log_text::plain_log(store.as_ref(), prefix, MAX_LOG_BYTES).await?;
    }
    if logs.is_empty()
        && let Some(attempt) = oddish_db::trials::newest_begun_attempt(&pool, &trial_id).await?
    {
        let prefix = key::attempt_log_prefix(&trial.task_id, &trial_id, attempt.unsigned_abs())?;
        logs = log_text::live_log(store.as_ref(), &prefix, MAX_LOG_BYTES).await?;
    }
    Ok(Json(TrialLogsResponse { trial_id, logs, s3_key: trial.artifact_prefix }))
}

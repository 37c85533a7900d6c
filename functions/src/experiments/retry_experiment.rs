//! `POST /experiments/{experiment_id}/retry`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, RetryExperimentRequest, RetryExperimentResponse};
use oddish_db::retrying::{self, Requeued};
use oddish_db::trial_selection::{Scope, Selection};
use serde_json::json;
use time::OffsetDateTime;

use super::require;
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::{Body, PathOf, Repeatable};
use crate::idempotency::{self, Begun, IdempotencyHeader};
use crate::state::{Db, Wake};
use crate::trials::QUEUED;

/// Runs those trials of an experiment again that have ended and fit the filter, with all their tries.
///
/// With `dry_run` it tells which those are, and does nothing.
#[utoipa::path(post, path = "/experiments/{experiment_id}/retry", operation_id = "retry_experiment", tag = "experiments",
    params(("experiment_id" = String, Path, description = "Id of the experiment"), IdempotencyHeader),
    request_body = RetryExperimentRequest,
    responses((status = 200, body = RetryExperimentResponse), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn retry_experiment(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(wake): State<Wake>,
    PathOf(experiment_id): PathOf<String>,
    Repeatable { key, body: Body(request) }: Repeatable<Body<RetryExperimentRequest>>,
) -> Result<Json<RetryExperimentResponse>, ApiError> {
    let selection = selection(&experiment_id, &request)?;
    require(&db, &experiment_id).await?;
    if request.dry_run {
        let foreseen = retrying::foresee(&db, &selection).await?;
        return Ok(Json(response("dry_run", experiment_id, foreseen)));
    }
    let mut work = match idempotency::begin(&db, key.as_ref()).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let requeued = retrying::retry_within(&mut work, &selection, OffsetDateTime::now_utc()).await?;
    let answer = idempotency::finish(work, response(QUEUED, experiment_id, requeued)).await?;
    wake.dispatcher().await;
    Ok(answer)
}

fn selection(experiment_id: &str, request: &RetryExperimentRequest) -> Result<Selection, ApiError> {
    let RetryExperimentRequest { statuses, error_classes, .. } = request;
    if statuses.is_empty() && error_classes.is_empty() {
        let rule = "name the trials to run again by their statuses or error_classes, such as {\"statuses\": [\"failed\"]}; \
                    dry_run tells which these are";
        return Err(ApiError::value_error(vec![json!("body")], rule));
    }
    Ok(Selection {
        scope: Scope::Experiment(experiment_id.to_owned()),
        statuses: statuses.clone(),
        error_classes: error_classes.clone(),
    })
}

fn response(status: &str, experiment_id: String, requeued: Requeued) -> RetryExperimentResponse {
    RetryExperimentResponse {
        status: status.to_owned(),
        experiment_id,
        queued: requeued.queued,
        still_active: requeued.active,
    }
}

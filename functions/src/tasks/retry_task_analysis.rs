//! `POST /tasks/{task_id}/analysis/retry`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, RetryTaskAnalysisResponse};
use oddish_db::rejudging;
use time::OffsetDateTime;

use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::state::{Db, Limits, Wake};
use crate::trials::QUEUED;
use oddish::judging::{Judges, refusal};

/// Has all trials of a task analysed, in place of the analyses that they have, and then a new verdict made.
///
/// A task that was not to be judged is to be from now on.
#[utoipa::path(post, path = "/tasks/{task_id}/analysis/retry", operation_id = "retry_task_analysis", tag = "tasks",
    params(("task_id" = String, Path, description = "Id of the task")),
    responses((status = 200, body = RetryTaskAnalysisResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This deployment judges nothing")))]
pub async fn retry_task_analysis(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(limits): State<Limits>,
    State(judges): State<Judges>,
    State(wake): State<Wake>,
    PathOf(task_id): PathOf<String>,
) -> Result<Json<RetryTaskAnalysisResponse>, ApiError> {
    let by = judges.by(&limits.concurrency)?;
    let trials = rejudging::analyse_task(&db, &task_id, by, OffsetDateTime::now_utc())
        .await
        .map_err(|refused| refusal(refused, || oddish::tasks::not_found(&task_id)))?;
    wake.dispatcher().await;
    let trial_count = u64::try_from(trials).unwrap_or(u64::MAX);
    Ok(Json(RetryTaskAnalysisResponse { status: QUEUED.to_owned(), task_id, trial_count }))
}

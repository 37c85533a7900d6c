//! `POST /tasks/sweep`.

use axum::Json;
use axum::extract::State;
use oddish::{Submission, sweeps};
use oddish_api_types::{ErrorBody, SweepRequest, TaskResponse};
use time::OffsetDateTime;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::extract::{Body, Repeatable};
use crate::http::idempotency::IdempotencyHeader;
use crate::state::{Db, Expansion, Judges, Limits, Wake};

/// Creates the trials of a sweep and queues them.
#[utoipa::path(post, path = "/tasks/sweep", operation_id = "create_sweep", tag = "tasks", request_body = SweepRequest,
    params(IdempotencyHeader),
    responses((status = 200, body = TaskResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn create_sweep(
    caller: Authed<Submit>,
    State(db): State<Db>,
    State(judges): State<Judges>,
    State(limits): State<Limits>,
    State(expansion): State<Expansion>,
    State(wake): State<Wake>,
    Repeatable { key, body: Body(request) }: Repeatable<Body<SweepRequest>>,
) -> Result<Json<TaskResponse>, ApiError> {
    let submission = Submission { input: &request, key_owner: caller.owner.as_deref(), idempotency_key: key.as_ref() };
    let now = OffsetDateTime::now_utc();
    Ok(Json(sweeps::create(&db, &judges, &limits, &expansion, &wake, submission, now).await?))
}

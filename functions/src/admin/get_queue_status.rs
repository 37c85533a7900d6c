//! `GET /admin/queue-status`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{QueueStatusResponse, TrialQueue};
use oddish_db::queue_keys::{self, QueueKey};
use time::OffsetDateTime;

use crate::auth::{Authed, Read};
use crate::error::ApiError;
use crate::state::Db;

/// How many trials of each queue key wait and run.
#[utoipa::path(get, path = "/admin/queue-status", operation_id = "get_queue_status", tag = "admin",
    responses((status = 200, body = QueueStatusResponse)))]
pub async fn get_queue_status(
    _: Authed<Read>,
    State(Db(pool)): State<Db>,
) -> Result<Json<QueueStatusResponse>, ApiError> {
    let trial_queue = |queue: QueueKey| TrialQueue {
        queue_key: queue.queue_key,
        queued: (queue.ready + queue.delayed).unsigned_abs(),
        running: queue.running.unsigned_abs(),
    };
    Ok(Json(QueueStatusResponse {
        trial_queues: queue_keys::list(&pool, None).await?.into_iter().map(trial_queue).collect(),
        analysis_queued: 0,
        analysis_running: 0,
        verdict_queued: 0,
        verdict_running: 0,
        timestamp: OffsetDateTime::now_utc(),
    }))
}

//! `GET /admin/queue-status`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{QueueStatusResponse, TrialQueue};
use oddish_db::stuck::{self, JobCount};
use oddish_domain::status::JobKind;
use time::OffsetDateTime;

use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::state::Db;

/// How many trials of each queue key wait and run, and how many analyses and verdicts.
#[utoipa::path(get, path = "/admin/queue-status", operation_id = "get_queue_status", tag = "admin",
    responses((status = 200, body = QueueStatusResponse)))]
pub async fn get_queue_status(_: Authed<Full>, State(db): State<Db>) -> Result<Json<QueueStatusResponse>, ApiError> {
    let counts = stuck::job_counts(&db).await?;
    let sum = |kind: JobKind, number: fn(&JobCount) -> i64| {
        counts.iter().filter(|count| count.kind == kind).map(number).sum::<i64>().unsigned_abs()
    };
    let trial_queue = |count: &JobCount| TrialQueue {
        queue_key: count.queue_key.clone(),
        queued: count.queued.unsigned_abs(),
        running: count.running.unsigned_abs(),
    };
    Ok(Json(QueueStatusResponse {
        trial_queues: counts.iter().filter(|count| count.kind == JobKind::Trial).map(trial_queue).collect(),
        analysis_queued: sum(JobKind::Analysis, |count| count.queued),
        analysis_running: sum(JobKind::Analysis, |count| count.running),
        verdict_queued: sum(JobKind::Verdict, |count| count.queued),
        verdict_running: sum(JobKind::Verdict, |count| count.running),
        timestamp: OffsetDateTime::now_utc(),
    }))
}

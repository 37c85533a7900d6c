//! Queue keys: how many jobs may run at once, and pauses.

pub mod get_queue;
pub mod list_queues;
pub mod update_queue;

use oddish_api_types::{QueuePause, QueueResponse};
use oddish_db::queue_keys::QueueKey;
use oddish_domain::queue_key::{check_key, queue_key};
use serde_json::json;

use crate::error::ApiError;

/// The key that a path names, in the one spelling that limits go by.
fn key_in_path(given: &str) -> Result<String, ApiError> {
    let key = queue_key(Some(given));
    match check_key(&key) {
        Ok(()) => Ok(key),
        Err(fault) => Err(ApiError::value_error(vec![json!("path"), json!("key")], format!("key {fault}"))),
    }
}

fn queue_not_found(key: &str) -> ApiError {
    ApiError::not_found(format!(
        "Queue key {key} not found. Nothing was submitted under it yet; setting concurrency_limit creates it."
    ))
}

fn present_queue(queue: QueueKey) -> QueueResponse {
    let paused = queue.paused_at.map(|at| QueuePause {
        at,
        by: queue.paused_by.unwrap_or_default(),
        reason: queue.pause_reason,
        next_probe_at: queue.probe_at,
    });
    QueueResponse {
        queue_key: queue.queue_key,
        concurrency_limit: queue.concurrency_limit.unsigned_abs(),
        is_default: queue.is_default,
        running: queue.running.unsigned_abs(),
        ready: queue.ready.unsigned_abs(),
        delayed: queue.delayed.unsigned_abs(),
        paused,
    }
}

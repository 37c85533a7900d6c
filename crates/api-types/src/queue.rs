//! Queue keys: their limits and pauses.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::whole;

/// A queue key: its limit, its jobs and its pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "queue_key": "anthropic/claude-sonnet-4-5", "concurrency_limit": 8, "is_default": true, "running": 8, "ready": 12,
    "delayed": 0, "paused": null
}))))]
pub struct QueueResponse {
    /// The key: provider account and model.
    pub queue_key: String,
    /// How many jobs of it may run at once.
    pub concurrency_limit: u32,
    /// Whether the limit follows the server's default.
    pub is_default: bool,
    /// Jobs that hold a slot. More than the limit while slots above a lowered limit are still held.
    pub running: u64,
    /// Jobs that are ready to begin.
    pub ready: u64,
    /// Jobs that wait for the time of their next attempt.
    pub delayed: u64,
    /// The pause; null when the key is not paused.
    pub paused: Option<QueuePause>,
}

/// A pause of a queue key. Running jobs go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "at": "2026-04-09T10:00:00Z", "by": "user", "reason": "The account is out of credit", "next_probe_at": null
}))))]
pub struct QueuePause {
    /// Its start.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `user`, or `breaker` after repeated refusals by the provider.
    pub by: String,
    /// Its reason.
    pub reason: Option<String>,
    /// When one trial tries whether the provider accepts the account again. Null when a user paused the key.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_probe_at: Option<OffsetDateTime>,
}

/// `PATCH /queues/{key}`: the changes. At least one of `concurrency_limit` and `paused` is required.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"concurrency_limit": 16}))))]
pub struct UpdateQueueRequest {
    /// Jobs that may run at once, from 0 to 10000. Creates an unknown key. Lowering it stops no running job.
    #[cfg_attr(feature = "openapi", schema(maximum = 10000))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole::option")]
    pub concurrency_limit: Option<u32>,
    /// Whether to pause the key: no further job begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Reason for the pause, of at most 500 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

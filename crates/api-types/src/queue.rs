//! Queue keys: their limits and pauses.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A queue key, what it holds, and what may be changed about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueResponse {
    /// The key: provider account and model.
    pub queue_key: String,
    /// How many jobs of it may run at once.
    pub concurrency_limit: u32,
    /// Whether the limit follows the server's default.
    pub is_default: bool,
    /// How many hold a slot. More than the limit while a lowered limit waits for slots to come free.
    pub running: u64,
    /// How many could begin.
    pub ready: u64,
    /// How many wait for the time of their next try.
    pub delayed: u64,
    /// Since when and why nothing of it begins; null when it is not paused.
    pub paused: Option<QueuePause>,
}

/// A pause of a queue key. What runs goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueuePause {
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `user`, or `breaker` when the provider refused the account again and again.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// When one trial tries whether the provider accepts the account again. Null when a user paused the key.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_probe_at: Option<OffsetDateTime>,
}

/// `PATCH /queues/{key}`: what to change. At least one of `concurrency_limit` and `paused` must be there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateQueueRequest {
    /// How many jobs may run at once, from 0 to 10000. Creates a key that is unknown. What runs goes on when it is lowered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u32>,
    /// Whether nothing more is to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Why it is paused, in at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

//! A trial's place in the queue, and the reason why it waits (docs/compatibility.md, 3.5).

use serde::{Deserialize, Serialize};

/// A trial's place among those that wait for the same queue key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "position": 3, "ahead": 2, "queued_count": 12, "queued_count_is_bound": false, "running_count": 8,
    "concurrency_limit": 8
}))))]
pub struct QueueInfo {
    /// Its place, from 1. Null for a trial that waits for its next attempt, and for one too far back to compute
    /// its place.
    pub position: Option<u32>,
    /// Trials before it; a lower bound when it has no place.
    pub ahead: u32,
    /// Trials that wait for the key, including those that wait for their next attempt.
    pub queued_count: u32,
    /// Whether counting stopped at `queued_count` and there are more.
    #[serde(default)]
    pub queued_count_is_bound: bool,
    /// Running trials of the key.
    pub running_count: u32,
    /// Trials that may run at once.
    pub concurrency_limit: u32,
}

/// Why a trial has not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "code": "about_to_start", "text": "It is about to start."
}))))]
pub struct WaitingReason {
    /// The reason in one word.
    pub code: WaitingCode,
    /// The reason for a person.
    pub text: String,
}

/// The reasons for which trials wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitingCode {
    /// The time of its next attempt has not come.
    RetryLater,
    /// The queue key is paused.
    KeyPaused,
    /// No dispatcher has been seen lately.
    NoDispatcher,
    /// The limit of the key is reached.
    LimitReached,
    /// Nothing: it begins in a moment.
    AboutToStart,
}

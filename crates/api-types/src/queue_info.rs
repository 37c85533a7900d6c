//! Where a trial stands in the queue, and why it has not begun (docs/compatibility.md, 3.5).

use serde::{Deserialize, Serialize};

/// Where a trial stands among those that wait for the same queue key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "position": 3, "ahead": 2, "queued_count": 12, "queued_count_is_bound": false, "running_count": 8,
    "concurrency_limit": 8
}))))]
pub struct QueueInfo {
    /// Its place if nothing changed, from 1. Null for one that waits for its next try, and for one so far back that its place is not
    /// worked out.
    pub position: Option<u32>,
    /// How many go before it; at least so many, when it has no place.
    pub ahead: u32,
    /// How many wait for the key, those that wait for their next try included.
    pub queued_count: u32,
    /// Whether `queued_count` is where counting stopped, and there are more.
    #[serde(default)]
    pub queued_count_is_bound: bool,
    /// How many of the key run.
    pub running_count: u32,
    /// How many may run at once.
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
    /// The time of its next try has not come.
    RetryLater,
    /// The queue key is paused.
    KeyPaused,
    /// No dispatcher has been seen lately.
    NoDispatcher,
    /// As many trials of the key run as may.
    LimitReached,
    /// Nothing keeps it: it begins in a moment.
    AboutToStart,
}

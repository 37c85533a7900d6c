//! The fields that log lines of all programs have in common, by one name each.
//!
//! `request_id`, `gateway_request_id` and `lambda_request_id` are a request's; `trial_id`, `task_id`, `attempt` and `queue_key` say
//! whom a line is about. They are fields of spans, so that every line within has them.

use oddish_domain::status::JobKind;
use tracing::Span;
use tracing::field::Empty;

/// A span around all that is done for one attempt.
///
/// It is on at every level, since lines of the level `error` need its fields too. `queue_key` and the task of a trial can be recorded
/// later.
#[must_use]
pub fn attempt(kind: JobKind, subject: &str, attempt: i32, queue_key: Option<&str>) -> Span {
    // A field that is to be recorded later must be named all the same.
    let span = tracing::error_span!("attempt", %kind, trial_id = Empty, task_id = Empty, attempt, queue_key = Empty);
    let (trial_id, task_id) = subject_ids(kind, subject);
    for (name, value) in [("trial_id", trial_id), ("task_id", task_id), ("queue_key", queue_key)] {
        if let Some(value) = value {
            span.record(name, value);
        }
    }
    span
}

/// The trial or the task that work of this kind is for, as the fields `trial_id` and `task_id`.
#[must_use]
pub fn subject_ids(kind: JobKind, subject: &str) -> (Option<&str>, Option<&str>) {
    match kind {
        JobKind::Trial | JobKind::Analysis => (Some(subject), None),
        JobKind::Verdict => (None, Some(subject)),
    }
}

//! What clients read of trials that wait (docs/compatibility.md, 3.5).

use oddish_api_types::{QueueInfo, WaitingCode, WaitingReason};
use oddish_db::waiting::{Reason, Waiting};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) fn queue_info(waiting: &Waiting) -> QueueInfo {
    QueueInfo {
        position: waiting.position.map(count),
        ahead: count(waiting.ahead),
        queued_count: count(waiting.key.queued),
        queued_count_is_bound: waiting.key.more_queued,
        running_count: count(waiting.key.running),
        concurrency_limit: waiting.key.limit.unsigned_abs(),
    }
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

pub(super) fn waiting_reason(waiting: &Waiting, now: OffsetDateTime) -> WaitingReason {
    let key = &waiting.key;
    let (code, text) = match &waiting.reason {
        Reason::RetryAt(due) => {
            (WaitingCode::RetryLater, format!("Its last try failed. It is tried again at {}.", show(*due)))
        }
        Reason::KeyPaused { at, by, reason, probe_at } => {
            let who = if by == "user" { "by a user" } else { "because the provider refused the account" };
            let why = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let probe = probe_at.map(|at| format!(" One trial tries again at {}.", show(at))).unwrap_or_default();
            let text = format!("{} has been paused since {} {who}{why}.{probe}", key.queue_key, show(*at));
            (WaitingCode::KeyPaused, text)
        }
        Reason::NoDispatcher(None) => (
            WaitingCode::NoDispatcher,
            "No dispatcher has been seen: is the server, or its dispatch function, running?".to_owned(),
        ),
        Reason::NoDispatcher(Some(seen_at)) => {
            let silent = (now - *seen_at).whole_seconds().max(0);
            let text = format!(
                "No dispatcher has been seen for {silent} s: is the server, or its dispatch function, running?"
            );
            (WaitingCode::NoDispatcher, text)
        }
        Reason::LimitReached => (WaitingCode::LimitReached, limit_reached(waiting)),
        Reason::AboutToStart => (WaitingCode::AboutToStart, "It is about to start.".to_owned()),
    };
    WaitingReason { code, text }
}

fn limit_reached(waiting: &Waiting) -> String {
    let key = &waiting.key;
    let at_least = if waiting.position.is_none() { "at least " } else { "" };
    format!(
        "{} of at most {} trials of {} run, and {at_least}{} wait before this one.",
        key.running, key.limit, key.queue_key, waiting.ahead
    )
}

fn show(time: OffsetDateTime) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

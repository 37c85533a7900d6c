//! Queue keys: how many jobs may run at once, and pauses.

use oddish_api_types::{QueuePause, QueueResponse, UpdateQueueRequest};
use oddish_db::Db;
use oddish_db::queue_keys::{self, QueueKey};
use oddish_domain::limits::MAX_CONCURRENCY;
use oddish_domain::queue_key::{check_key, queue_key};
use time::OffsetDateTime;

use crate::Error;
use crate::capabilities::Wake;

/// Characters of a reason at the most.
const MAX_REASON: usize = 500;

/// A queue key in the one spelling that limits go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Reads a queue key, or a model's name in any spelling.
    pub fn parse(given: &str) -> Result<Self, Error> {
        let key = queue_key(Some(given));
        match check_key(&key) {
            Ok(()) => Ok(Self(key)),
            Err(fault) => Err(Error::invalid("key", format_args!("key {fault}"))),
        }
    }
}

/// Lists all queue keys by name, with their limits and what they hold.
pub async fn list(db: &Db) -> Result<Vec<QueueResponse>, Error> {
    Ok(queue_keys::list(db, None).await?.into_iter().map(present).collect())
}

/// Returns one queue key.
pub async fn get(db: &Db, Key(key): &Key) -> Result<QueueResponse, Error> {
    queue_keys::list(db, Some(key)).await?.pop().map(present).ok_or_else(|| not_found(key))
}

/// Sets the limit of a queue key, pauses it or resumes it, while everything runs. Setting a limit creates the key.
pub async fn update(
    db: &Db,
    wake: &Wake,
    Key(key): &Key,
    request: &UpdateQueueRequest,
    now: OffsetDateTime,
) -> Result<QueueResponse, Error> {
    check(request)?;
    if let Some(limit) = request.concurrency_limit {
        queue_keys::set_limit(db, key, limit, now).await?;
    }
    let known = match request.paused {
        Some(true) => queue_keys::pause(db, key, request.reason.as_deref(), now).await?,
        Some(false) => queue_keys::resume(db, key, now).await?,
        None => true,
    };
    let queue = if known { queue_keys::list(db, Some(key)).await?.pop() } else { None };
    wake.dispatcher().await;
    queue.map(present).ok_or_else(|| not_found(key))
}

fn check(request: &UpdateQueueRequest) -> Result<(), Error> {
    if request.concurrency_limit.is_some_and(|limit| limit > MAX_CONCURRENCY) {
        return Err(Error::invalid(
            "concurrency_limit",
            format_args!("concurrency_limit must be from 0 to {MAX_CONCURRENCY}"),
        ));
    }
    if let Some(reason) = &request.reason {
        if request.paused != Some(true) {
            return Err(Error::invalid("reason", "reason says why a key is paused: set paused to true with it"));
        }
        if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            let rule =
                format_args!("reason must have at most {MAX_REASON} characters, none of them a control character");
            return Err(Error::invalid("reason", rule));
        }
    }
    if request.concurrency_limit.is_none() && request.paused.is_none() {
        return Err(Error::invalid_at::<&str>([], "nothing to change: give concurrency_limit or paused"));
    }
    Ok(())
}

fn not_found(key: &str) -> Error {
    Error::not_found(format!(
        "Queue key {key} not found. Nothing was submitted under it yet; setting concurrency_limit creates it."
    ))
}

fn present(queue: QueueKey) -> QueueResponse {
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

//! Requests that may come twice. The answer of the first is kept with what it did, in one transaction.
//!
//! A service begins its [`Work`], does it within that, and finishes with its answer. Errors are never kept: the same request may succeed
//! the next time.

use oddish_db::{Db, idempotency};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

pub use oddish_db::idempotency::{IdempotencyKey, Work};

use crate::Error;

/// Work to do, or the answer of the request that did it.
#[derive(Debug)]
pub enum Begun<T> {
    /// The request is new, or has no key.
    Fresh(Work),
    /// The request was answered before.
    Answered(T),
}

/// Begins a request's work, unless it was done before.
pub async fn begin<T: DeserializeOwned>(
    db: &Db,
    key: Option<&IdempotencyKey>,
    now: OffsetDateTime,
) -> Result<Begun<T>, Error> {
    match idempotency::begin(db, key, now).await? {
        idempotency::Begun::Fresh(work) => Ok(Begun::Fresh(work)),
        idempotency::Begun::Answered(answer) => {
            serde_json::from_value(answer).map(Begun::Answered).map_err(Error::internal)
        }
        idempotency::Begun::OtherRequest => Err(Error::conflict(
            "This Idempotency-Key was used for another request within the last 24 hours. Repeat that request unchanged, or use a new key.",
        )),
    }
}

/// Keeps the work and its answer.
pub async fn finish<T: Serialize>(work: Work, answer: T) -> Result<T, Error> {
    let kept = serde_json::to_value(&answer).map_err(Error::internal)?;
    work.finish(&kept).await?;
    Ok(answer)
}

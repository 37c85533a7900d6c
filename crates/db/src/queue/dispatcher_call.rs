//! Remembers whether a dispatcher that is not always running was called.

use time::{Duration, OffsetDateTime};

use crate::error::Doing;
use crate::{Db, DbError};

/// After this long a call that nobody came for is taken to be lost.
pub const LOST_AFTER: Duration = Duration::seconds(10);

/// Notes that the dispatcher is asked to come. `false` if it was asked already and has not come yet: then it will see whatever was
/// committed before this.
pub async fn ask(db: &Db, now: OffsetDateTime) -> Result<bool, DbError> {
    sqlx::query!(
        "update oddish.dispatcher_call set asked_at = $1
        where asked_at is null or asked_at <= $2",
        now,
        now - LOST_AFTER
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
    .doing("call the dispatcher")
}

/// The dispatcher has come, and is about to look: what is committed from now on needs another call.
pub async fn came(db: &Db) -> Result<(), DbError> {
    sqlx::query!("update oddish.dispatcher_call set asked_at = null where asked_at is not null")
        .execute(db)
        .await
        .done("note that the dispatcher has come")
}

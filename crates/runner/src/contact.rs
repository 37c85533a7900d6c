//! Staying in contact with a database that may be away for a while.

use std::future::Future;
use std::time::Duration;

use oddish_db::attempts::{self, Fenced};
use oddish_db::{DbError, PgPool};
use oddish_domain::status::HarborStage;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::warn;
use uuid::Uuid;

/// How often it is looked whether the attempt is still ours: a cancelled trial stops within seconds.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Writes each stage as it comes, and returns when the attempt is not ours any more. A database that is away for a
/// while is no reason to stop a trial.
pub(crate) async fn until_lost(pool: &PgPool, token: Uuid, mut stages: watch::Receiver<HarborStage>) {
    let mut unwritten = None;
    loop {
        tokio::select! {
            Ok(()) = stages.changed() => unwritten = Some(*stages.borrow_and_update()),
            () = sleep(LOOK_EVERY) => {}
        }
        let ours = match unwritten {
            Some(stage) => {
                let written = attempts::set_stage(pool, token, stage, OffsetDateTime::now_utc()).await;
                written.map(|fenced| {
                    unwritten = None;
                    fenced == Fenced::Accepted
                })
            }
            None => attempts::is_open(pool, token).await,
        };
        match ours {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => warn!(error = &error as &dyn std::error::Error, "cannot tell how the trial is going"),
        }
    }
}

/// Repeats a write while the database can't be reached, for as long as `within`.
pub(crate) async fn while_unreachable<T, F: Future<Output = Result<T, DbError>>>(
    within: Duration,
    write: impl Fn() -> F,
) -> Result<T, DbError> {
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);
    let end = Instant::now() + within;
    let mut pause = Duration::from_millis(100);
    loop {
        match write().await {
            Err(error) if error.is_unreachable() && Instant::now() + pause < end => {
                warn!(error = &error as &dyn std::error::Error, "trying again");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            result => return result,
        }
    }
}

//! Staying in contact with a database that may be away for a while.

use std::future::Future;
use std::time::Duration;

use oddish_db::attempts::{self, Standing};
use oddish_db::jobs::Fenced;
use oddish_db::{Db, DbError, leases};
use oddish_domain::status::HarborStage;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;
use uuid::Uuid;

/// How often it is looked whether the attempt is still ours: a cancelled trial stops within seconds.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long the database may take to answer: one that hangs, or whose answers are lost, ends no connection.
const LOOK_WITHIN: Duration = Duration::from_secs(20);
/// How often the lease is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// How long before the end of its lease a runner that cannot renew stops, so that it is gone when its trial is given to another.
const STOP_BEFORE: Duration = Duration::from_mins(1);

/// Why a runner should stop its trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// Somebody asked for the trial's end.
    Cancelled,
    /// The attempt was closed, or replaced by a newer one.
    Stale,
    /// The database could not be reached for nearly as long as the lease lasts.
    OutOfContact,
}

/// Keeps an attempt's lease alive and its stage written, whatever else the runner does, until it is dropped or the attempt is not ours
/// any more. A reason to stop ends none of that: what the runner then still has to do needs the lease, too.
#[derive(Debug)]
pub(crate) struct Contact {
    stages: watch::Sender<Option<HarborStage>>,
    reason: watch::Receiver<Option<StopReason>>,
    task: JoinHandle<()>,
}

impl Contact {
    /// For an attempt that has just begun, which is when its lease began.
    pub(crate) fn start(db: Db, token: Uuid) -> Self {
        let (stages, changes) = watch::channel(None);
        let (tell, reason) = watch::channel(None);
        let keeper = Keeper { db, token, renewed: Instant::now(), stage: None };
        let task = tokio::spawn(keeper.keep(changes, tell));
        Self { stages, reason, task }
    }

    /// Has the stage written.
    pub(crate) fn stage(&self, stage: HarborStage) {
        self.stages.send_replace(Some(stage));
    }

    /// Waits for a reason to stop.
    pub(crate) async fn stop_reason(&self) -> StopReason {
        self.first(|_| true).await
    }

    /// Waits for a reason to stop where a result is at hand: the database may be away for as long as it likes.
    pub(crate) async fn stop_reason_with_result(&self) -> StopReason {
        self.first(|reason| reason != StopReason::OutOfContact).await
    }

    async fn first(&self, counts: impl Fn(StopReason) -> bool) -> StopReason {
        let mut reason = self.reason.clone();
        match reason.wait_for(|reason| reason.is_some_and(&counts)).await {
            Ok(reason) => reason.unwrap_or(StopReason::Stale),
            // The task that keeps contact is gone, and nothing renews the lease any more.
            Err(_) if counts(StopReason::OutOfContact) => StopReason::OutOfContact,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Contact {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeper {
    db: Db,
    token: Uuid,
    /// When the lease was last renewed, from before the database was asked.
    renewed: Instant,
    /// What is still to be written.
    stage: Option<HarborStage>,
}

impl Keeper {
    async fn keep(mut self, mut stages: watch::Receiver<Option<HarborStage>>, tell: watch::Sender<Option<StopReason>>) {
        let lease = oddish_db::jobs::LEASE.unsigned_abs();
        loop {
            tokio::select! {
                Ok(()) = stages.changed() => self.stage = *stages.borrow_and_update(),
                () = sleep(LOOK_EVERY) => {}
                () = tell.closed() => return,
            }
            let reason = match timeout(LOOK_WITHIN, self.look()).await {
                Ok(Ok(Standing::Ours)) => None,
                Ok(Ok(Standing::CancelRequested)) => Some(StopReason::Cancelled),
                Ok(Ok(Standing::Stale)) => Some(StopReason::Stale),
                answer => {
                    if let Ok(Err(error)) = answer {
                        warn!(error = &error as &dyn std::error::Error, "no contact with the database");
                    } else {
                        warn!(seconds = LOOK_WITHIN.as_secs(), "the database does not answer");
                    }
                    if self.renewed.elapsed() + STOP_BEFORE < lease {
                        continue;
                    }
                    Some(StopReason::OutOfContact)
                }
            };
            tell.send_if_modified(|told| std::mem::replace(told, reason) != reason);
            if reason == Some(StopReason::Stale) {
                // Nobody else needs to know more, and those who come to ask find this.
                tell.closed().await;
                return;
            }
        }
    }

    async fn look(&mut self) -> Result<Standing, DbError> {
        if let Some(stage) = self.stage {
            attempts::set_stage(&self.db, self.token, stage, OffsetDateTime::now_utc()).await?;
            self.stage = None;
        }
        if self.renewed.elapsed() >= RENEW_EVERY {
            let asked = Instant::now();
            if leases::renew(&self.db, self.token, OffsetDateTime::now_utc()).await? == Fenced::Stale {
                return Ok(Standing::Stale);
            }
            self.renewed = asked;
        }
        attempts::standing(&self.db, self.token).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_runner_that_cannot_renew_stops_before_its_lease_ends() {
        // Nobody listens there.
        let db = oddish_db::connect_lazy(&"postgresql://nobody@127.0.0.1:1/nothing".parse().unwrap(), 1);
        let begun = Instant::now();
        let contact = Contact::start(db, Uuid::new_v4());
        let lease = oddish_db::jobs::LEASE.unsigned_abs();
        let reason = tokio::time::timeout(lease * 2, contact.stop_reason()).await;
        assert_eq!(reason, Ok(StopReason::OutOfContact), "it never stops");
        let stopped = begun.elapsed();
        assert!(stopped + Duration::from_secs(30) < lease, "Harbor needs time to stop: {stopped:?}");
        assert!(stopped > lease / 2, "a database that is away for a while is no reason to stop: {stopped:?}");
    }
}

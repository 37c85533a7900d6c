//! One pass of the dispatcher, and the loop around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oddish_db::wake::Wakes;
use oddish_db::{DbError, PgPool, attempts, queue};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{LaunchError, Launcher};

/// How long a claim may wait for its runner to begin. Starting a process takes well under a second; a machine that swaps may need more.
const BEGIN_DEADLINE: time::Duration = time::Duration::seconds(60);

/// How often to look without having been woken.
const IDLE: Duration = Duration::from_secs(5);

/// How often to look while runners live that only a look can tell about.
const WATCHING: Duration = Duration::from_secs(1);

/// Jobs claimed in one call at the most.
const BATCH: u32 = 100;

/// Claims jobs and hands them to a launcher.
pub struct Dispatcher {
    pool: PgPool,
    launcher: Arc<dyn Launcher>,
}

/// What a pass found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    /// Jobs claimed.
    claimed: usize,
    /// There may be more to claim right now.
    more: bool,
    /// Runners live that must be looked after.
    watching: bool,
}

impl Dispatcher {
    /// A dispatcher for the jobs of this database.
    #[must_use]
    pub fn new(pool: PgPool, launcher: Arc<dyn Launcher>) -> Self {
        Self { pool, launcher }
    }

    /// Dispatches until `shutdown` turns true, then stops the runners that it started.
    ///
    /// A database that is away is waited for: nothing is lost, since everything that counts is in it.
    pub async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut wakes = None;
        while !*shutdown.borrow() {
            if wakes.is_none() {
                wakes = match Wakes::listen(&self.pool).await {
                    Ok(wakes) => Some(wakes),
                    Err(error) => {
                        log(&error, "cannot listen for new work; looking for it every few seconds");
                        None
                    }
                };
            }
            let found = match self.pass().await {
                Ok(found) => found,
                Err(error) => {
                    log(&error, "a dispatcher pass failed; trying again");
                    Found::default()
                }
            };
            if found.more {
                continue;
            }
            let pause = self.pause(found).await;
            tokio::select! {
                _ = shutdown.changed() => {}
                () = tokio::time::sleep(pause) => {}
                heard = next_wake(&mut wakes) => if let Err(error) = heard {
                    log(&error, "lost the connection that hears of new work");
                    wakes = None;
                    // Without this a database that refuses connections would be asked in a tight loop.
                    tokio::time::sleep(WATCHING).await;
                }
            }
        }
        self.launcher.stop().await;
    }

    /// Makes passes until there is nothing more to claim now, or `deadline` is reached: for a dispatcher that is called when there may be
    /// work, and is not always there. Returns how many jobs it claimed.
    pub async fn dispatch(&self, deadline: Instant) -> Result<usize, DbError> {
        let mut claimed = 0;
        loop {
            let found = self.pass().await?;
            claimed += found.claimed;
            if !found.more || Instant::now() >= deadline {
                return Ok(claimed);
            }
        }
    }

    /// Reaps, claims and launches once.
    async fn pass(&self) -> Result<Found, DbError> {
        let now = OffsetDateTime::now_utc();
        let watching = self.launcher.reconcile().await?;
        for trial_id in queue::give_back_unbegun(&self.pool, BEGIN_DEADLINE, now).await? {
            tracing::warn!(trial_id, "its runner did not begin in time; the trial is queued again");
        }
        queue::settle_lowered_limits(&self.pool).await?;
        let room = self.launcher.room().min(BATCH);
        if room == 0 {
            return Ok(Found { watching, ..Found::default() });
        }
        let claims = queue::claim(&self.pool, room, now).await?;
        let mut busy = false;
        for claim in &claims {
            tracing::info!(trial_id = claim.trial_id, attempt = claim.number, queue_key = claim.queue_key, "claimed");
            if let Err(error) = self.launcher.launch(claim).await {
                busy |= matches!(error, LaunchError::Busy { .. });
                self.not_launched(claim, &error).await?;
            }
        }
        let full = claims.len() == usize::try_from(room).unwrap_or(usize::MAX);
        Ok(Found { claimed: claims.len(), more: full && !busy && self.launcher.room() > 0, watching })
    }

    async fn not_launched(&self, claim: &queue::Claim, error: &LaunchError) -> Result<(), DbError> {
        tracing::error!(trial_id = claim.trial_id, attempt = claim.number, %error, "not launched");
        let now = OffsetDateTime::now_utc();
        let text = error.to_string();
        match error {
            LaunchError::Busy { .. } => attempts::give_back(&self.pool, claim.token, &text, now).await?,
            LaunchError::Never { .. } => attempts::launch_failed(&self.pool, claim.token, &text, now).await?,
        };
        Ok(())
    }

    /// How long to wait for a wake before looking again.
    async fn pause(&self, found: Found) -> Duration {
        let longest = if found.watching { WATCHING } else { IDLE };
        let now = OffsetDateTime::now_utc();
        match queue::next_due(&self.pool, now).await {
            Ok(Some(due)) => Duration::try_from(due - now).unwrap_or(Duration::ZERO).min(longest),
            Ok(None) => longest,
            Err(_) => WATCHING,
        }
    }
}

/// Waits for the next wake, for ever when there is nothing to listen on.
async fn next_wake(wakes: &mut Option<Wakes>) -> Result<(), DbError> {
    match wakes {
        Some(wakes) => wakes.next().await,
        None => std::future::pending().await,
    }
}

fn log(error: &DbError, what: &str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}

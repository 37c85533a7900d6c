//! One pass of the dispatcher, and the loop around it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use oddish_db::jobs::Fenced;
use oddish_db::queue::Claim;
use oddish_db::wake::Wakes;
use oddish_db::{DbError, attempts, deleting, dispatcher_call, leases, queue};
use oddish_domain::failure::FailureClass;
use oddish_domain::status::JobKind;
use oddish_telemetry::metrics::are_wanted;
use oddish_telemetry::{fields, outcomes};
use sysinfo::System;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::dispatched::Dispatched;
use crate::{CloseError, Closer, LaunchError, Launcher, Lost, metrics};

/// How often to look for runners and claims that are late. Passes may come many times a second; this need not.
const TIDY: Duration = Duration::from_secs(2);

/// How often to look for what deletions left in the store.
const EMPTY: Duration = Duration::from_secs(10);

/// How long such a look may keep from claiming. What it does not get done, the next ones do.
const EMPTYING: Duration = Duration::from_secs(2);

/// Most prefixes of one such look.
const PREFIXES: i64 = 10;

/// How often to count what waits and runs, for metrics alone.
const COUNT: Duration = Duration::from_secs(10);

/// How often to look without having been woken.
const IDLE: Duration = Duration::from_secs(5);

/// How often to look while runners live that only a look can tell about.
const WATCHING: Duration = Duration::from_secs(1);

/// Most jobs claimed in one call.
const BATCH: u32 = 100;

/// Most launches at once: the answer of a service takes a good part of a second, and the next claim need not wait for it.
const AT_ONCE: usize = 16;

/// Claims jobs and hands them to a launcher.
pub struct Dispatcher {
    closer: Closer,
    launcher: Arc<dyn Launcher>,
    /// What it is known as, such as `host/4711`.
    id: String,
    tidied: Mutex<Option<Instant>>,
    emptied: Mutex<Option<Instant>>,
    counted: Mutex<Option<Instant>>,
}

/// A dispatcher that runs whatever else the process does.
pub struct Running {
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Claims nothing more, and waits until the runners that it started have given their trials back.
    pub async fn stop(self) -> Result<(), JoinError> {
        self.shutdown.send_replace(true);
        self.task.await
    }
}

/// What a pass found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    /// What it did.
    dispatched: Dispatched,
    /// There may be more to claim right now.
    more: bool,
    /// Runners live that must be looked after.
    watching: bool,
}

impl Dispatcher {
    /// A dispatcher for the jobs of this database.
    #[must_use]
    pub fn new(closer: Closer, launcher: Arc<dyn Launcher>) -> Self {
        let host = System::host_name().unwrap_or_else(|_| "localhost".to_owned());
        let id = format!("{host}/{}", std::process::id());
        Self { closer, launcher, id, tidied: Mutex::default(), emptied: Mutex::default(), counted: Mutex::default() }
    }

    /// Dispatches until `shutdown` turns true, then stops the runners that it started.
    ///
    /// A database that is away is waited for: nothing is lost, since everything that counts is in it.
    pub async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut wakes = None;
        while !*shutdown.borrow() {
            if wakes.is_none() {
                wakes = match Wakes::listen(&self.closer.db).await {
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
            self.empty_store().await;
            let pause = self.pause(found.watching).await;
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

    /// Dispatches in a task of its own, until it is told to stop.
    #[must_use]
    pub fn start(self) -> Running {
        let (shutdown, stopped) = watch::channel(false);
        let task = tokio::spawn(async move { self.run(stopped).await });
        Running { shutdown, task }
    }

    /// Makes passes until there is nothing more to claim now, or `deadline` is reached: for a dispatcher that is called when there may be
    /// work, and is not always there.
    pub async fn dispatch(&self, deadline: Instant) -> Result<Dispatched, CloseError> {
        dispatcher_call::came(&self.closer.db).await?;
        let mut dispatched = Dispatched::default();
        loop {
            // Boxed, or the type of a function's future would be nested more deeply than the compiler goes.
            let found = Box::pin(self.pass()).await?;
            dispatched.add(found.dispatched);
            if !found.more {
                self.empty_store().await;
            }
            if !found.more || Instant::now() >= deadline {
                self.measure(&dispatched).await;
                return Ok(dispatched);
            }
        }
    }

    /// Writes metrics of a call. What waits and runs is counted every so often, however often it is called.
    async fn measure(&self, dispatched: &Dispatched) {
        if !are_wanted() {
            return;
        }
        metrics::of_call(dispatched);
        if is_time(&self.counted, COUNT) {
            metrics::of_queues(&self.closer.db).await;
        }
    }

    /// Reaps, claims and launches once.
    async fn pass(&self) -> Result<Found, CloseError> {
        let db = &self.closer.db;
        let watching = self.launcher.reconcile().await?;
        if is_time(&self.tidied, TIDY) {
            self.tidy().await?;
        }
        let room = self.launcher.room().min(BATCH);
        if room == 0 {
            return Ok(Found { watching, ..Found::default() });
        }
        let claims = queue::claim(db, room, OffsetDateTime::now_utc()).await?;
        let claimed_at = Instant::now();
        let mut dispatched = Dispatched { claimed: claims.len(), ..Dispatched::default() };
        let mut busy = false;
        let mut tokens = Vec::with_capacity(claims.len());
        let launches: Vec<_> = claims.iter().map(|claim| self.launch(claim)).collect();
        let mut launches = stream::iter(launches).buffer_unordered(AT_ONCE);
        while let Some(outcome) = launches.next().await {
            match outcome? {
                Ok(token) => {
                    tokens.push(token);
                    dispatched.launched.push(claimed_at.elapsed());
                }
                Err(error) => {
                    *dispatched.refused.entry(error.code()).or_default() += 1;
                    busy |= matches!(error, LaunchError::Busy { .. });
                }
            }
        }
        if !tokens.is_empty() {
            queue::launched(db, &tokens, OffsetDateTime::now_utc()).await?;
        }
        let full = claims.len() == usize::try_from(room).unwrap_or(usize::MAX);
        Ok(Found { dispatched, more: full && !busy && self.launcher.room() > 0, watching })
    }

    /// Removes from the store what was deleted, where the request that deleted it did not finish. What fails is tried again later.
    async fn empty_store(&self) {
        if !is_time(&self.emptied, EMPTY) {
            return;
        }
        match tokio::time::timeout(EMPTYING, self.remove_deleted()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log(&error, "cannot look for what deletions left in the store"),
            Err(_) => tracing::info!("deletions left more in the store than is removed in one go"),
        }
    }

    async fn remove_deleted(&self) -> Result<(), DbError> {
        let Closer { db, store, .. } = &self.closer;
        let now = OffsetDateTime::now_utc();
        let prefixes = deleting::take_prefixes(db, PREFIXES, now).await?;
        deleting::remove(db, &prefixes, now, |prefix| store.delete_prefix(prefix)).await
    }

    /// Looks after what did not go as it should: runners that no longer renew, and claims that nobody began.
    async fn tidy(&self) -> Result<(), CloseError> {
        let db = &self.closer.db;
        let now = OffsetDateTime::now_utc();
        queue::seen(db, &self.id, now).await?;
        leases::suspect(db, now).await?;
        for dead in leases::dead(db, now).await? {
            let attempt = &dead.attempt;
            let span = fields::attempt(attempt.kind, &attempt.subject, attempt.number, None);
            self.launcher.clear(&dead).instrument(span.clone()).await;
            let how = "it has shown no sign of life for longer than its lease";
            self.closer.dead(Lost { attempt, how }).instrument(span).await?;
        }
        for claim in queue::overdue(db, now).await? {
            let given = attempts::give_back(db, claim.attempt.token, "no runner began in time", now).await?;
            if given == Fenced::Accepted {
                let span = fields::attempt(
                    claim.attempt.kind,
                    &claim.attempt.subject,
                    claim.attempt.number,
                    Some(&claim.queue_key),
                );
                span.in_scope(|| tracing::warn!("no runner began in time; it is queued again"));
            }
        }
        Ok(())
    }

    /// Has a runner started for a claim, and returns the claim's token; or gives the claim up.
    async fn launch(&self, claim: &Claim) -> Result<Result<Uuid, LaunchError>, DbError> {
        let span =
            fields::attempt(claim.attempt.kind, &claim.attempt.subject, claim.attempt.number, Some(&claim.queue_key));
        async {
            tracing::info!("claimed");
            let outcome = self.launcher.launch(claim).await;
            if let Err(error) = &outcome {
                self.not_launched(claim, error).await?;
            }
            Ok(outcome.map(|()| claim.attempt.token))
        }
        .instrument(span)
        .await
    }

    async fn not_launched(&self, claim: &Claim, error: &LaunchError) -> Result<(), DbError> {
        tracing::error!(%error, code = error.code(), "not launched");
        let now = OffsetDateTime::now_utc();
        let text = error.to_string();
        match error {
            LaunchError::Busy { .. } => attempts::give_back(&self.closer.db, claim.attempt.token, &text, now).await?,
            LaunchError::Never { .. } => {
                let fenced = attempts::launch_failed(&self.closer.db, claim.attempt.token, &text, now).await?;
                if fenced == Fenced::Accepted && claim.attempt.kind == JobKind::Trial {
                    outcomes::trial_ended(Some(FailureClass::Infrastructure));
                }
                fenced
            }
        };
        Ok(())
    }

    /// How long to wait for a wake before looking again.
    async fn pause(&self, watching: bool) -> Duration {
        let longest = if watching { WATCHING } else { IDLE };
        let now = OffsetDateTime::now_utc();
        match queue::next_due(&self.closer.db).await {
            Ok(Some(due)) => Duration::try_from(due - now).unwrap_or(Duration::ZERO).min(longest),
            Ok(None) => longest,
            Err(_) => WATCHING,
        }
    }
}

/// Whether something that is done every so often is due; then it counts as done.
pub(crate) fn is_time(last: &Mutex<Option<Instant>>, every: Duration) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

/// Waits for the next wake, forever when there is nothing to listen on.
async fn next_wake(wakes: &mut Option<Wakes>) -> Result<(), DbError> {
    match wakes {
        Some(wakes) => wakes.next().await,
        None => std::future::pending().await,
    }
}

fn log(error: &(dyn std::error::Error + 'static), what: &str) {
    tracing::error!(error, "{what}");
}

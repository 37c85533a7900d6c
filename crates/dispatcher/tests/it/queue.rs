//! A queue with trials in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oddish_artifacts::FolderStore;
use oddish_db::attempts::{self, Outcome};
use oddish_db::jobs::ProcessIdentity;
use oddish_db::queue::{self, Claim};
use oddish_db::{AttemptRef, Db, queue_keys};
use oddish_dispatcher::Closer;
use oddish_domain::retry::RetrySettings;
use oddish_domain::status::JobKind;
use oddish_test_support::QueuedTrials;
use time::OffsetDateTime;

const KEY: &str = "a/model";

/// How long anything may take that is waited for; nothing takes as long unless it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A database whose only queue key is [`KEY`].
pub(crate) struct Queue {
    pub(crate) db: Db,
}

impl Queue {
    pub(crate) async fn with_limit(db: Db, limit: u32) -> Self {
        let queue = Self { db };
        queue.set_limit(limit).await;
        queue
    }

    pub(crate) async fn set_limit(&self, limit: u32) {
        queue_keys::set_limit(&self.db, KEY, limit, OffsetDateTime::now_utc()).await.unwrap();
    }

    /// Queues a task of so many trials, each of which may have so many attempts.
    pub(crate) async fn submit(&self, trials: i32, max_attempts: i32) {
        QueuedTrials { max_attempts, ..QueuedTrials::new(trials, KEY) }.insert(&self.db).await;
    }

    pub(crate) async fn claim(&self) -> Claim {
        queue::claim(&self.db, 1, OffsetDateTime::now_utc()).await.unwrap().pop().expect("something to claim")
    }

    pub(crate) async fn begin(&self, claim: &Claim, process: &ProcessIdentity) {
        let begun = attempts::begin(&self.db, claim.attempt.token, process, OffsetDateTime::now_utc()).await.unwrap();
        assert!(begun.is_some());
    }

    pub(crate) async fn record(&self, claim: &Claim) {
        let (outcome, rules) = (Outcome::default(), RetrySettings::default());
        attempts::record(&self.db, claim.attempt.token, &outcome, &rules, OffsetDateTime::now_utc()).await.unwrap();
    }

    pub(crate) async fn change(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.db).await.unwrap();
    }

    /// What became of each attempt, in the order in which they were claimed.
    pub(crate) async fn outcomes(&self) -> Vec<String> {
        let sql = "select coalesce(outcome, 'open') from oddish.attempts order by claimed_at, trial_id, number";
        sqlx::query_scalar(sql).fetch_all(&self.db).await.unwrap()
    }

    /// Status, counted attempts and error of the trials.
    pub(crate) async fn trials(&self) -> Vec<(String, i32, Option<String>)> {
        let sql = "select status, attempts, error_message from oddish.trials order by id";
        sqlx::query_as(sql).fetch_all(&self.db).await.unwrap()
    }
}

/// The claim as one of a job of another kind.
pub(crate) fn of_kind(claim: &Claim, kind: JobKind) -> Claim {
    Claim { attempt: AttemptRef { kind, ..claim.attempt.clone() }, ..claim.clone() }
}

/// What closes the attempts of lost runners. The store is as much the test's own as its database.
pub(crate) fn closer(db: &Db) -> Closer {
    let options = db.direct_options();
    let database = options.get_database().expect("each test has its own");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(database);
    let store = Arc::new(FolderStore::open(&folder).unwrap());
    Closer { db: db.clone(), store, rules: RetrySettings::default() }
}

/// Waits until `probe` finds something.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| unreachable!("waited in vain for {what}"))
}

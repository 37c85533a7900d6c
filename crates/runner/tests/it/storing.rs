//! What a runner hears while it stores what a trial left.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use oddish_artifacts::key::attempt_outcome_key;
use oddish_db::Db;
use oddish_db::attempts::{self, AfterLoss, StoredOutcome};
use oddish_db::jobs::Recorded;
use oddish_runner::run::{Ending, RunError, Runner, run};
use oddish_test_doubles::WatchedStore;
use oddish_test_support::with_database;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::gate::{Gate, SLOW};
use crate::run::{PATIENCE, Rig, SUCCEED, rig};

/// Within seconds.
const SOON: Duration = Duration::from_secs(20);

/// A trial that leaves a file which the store takes only when the gate is open. `script` ends it.
async fn slow_rig(db: Db, script: &str) -> (Rig, Arc<Gate>) {
    let left = format!("mkdir -p \"$TRIAL/artifacts\"\necho slow > \"$TRIAL/artifacts/a{SLOW}\"\n");
    let mut rig = rig(db, &(left + script)).await;
    let gate = Arc::new(Gate::closed());
    rig.runner.store = Arc::new(WatchedStore::over(rig.runner.store.clone(), Arc::clone(&gate)));
    (rig, gate)
}

/// Lets time pass at once.
async fn advance(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

async fn cancel(rig: &Rig) {
    let sql = "update oddish.trials set cancel_requested_at = now()";
    sqlx::query(sql).execute(&rig.runner.db).await.unwrap();
}

async fn stored_outcome(rig: &Rig) -> StoredOutcome {
    let key = attempt_outcome_key("some-task", "some-task-0", 1).unwrap();
    serde_json::from_slice(&rig.runner.store.get(&key).await.unwrap()).unwrap()
}

/// The result was paid for.
#[with_database]
async fn a_trial_that_is_cancelled_while_its_files_are_stored_keeps_its_result(db: Db) {
    let (rig, gate) = slow_rig(db, SUCCEED).await;
    let cancelling = async {
        gate.waits().await;
        cancel(&rig).await;
    };
    let (ending, ()) = timeout(SOON, async { tokio::join!(rig.run(), cancelling) }).await.expect("it goes on storing");
    assert_eq!(ending.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("status").await.as_deref(), Some("success"));
    assert_eq!(rig.trial("reward").await.as_deref(), Some("1"));
    assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("true"));
    let prefix = rig.trial("artifact_prefix").await.unwrap();
    let stored = rig.stored().await;
    for file in ["result.json", "verifier/reward.txt"] {
        assert!(stored.iter().any(|key| key.as_str() == format!("{prefix}{file}")), "{file}: {stored:?}");
    }
    assert!(!rig.scratch().root().exists(), "the scratch folder stays");
}

#[with_database]
async fn a_failed_trial_that_is_cancelled_while_its_files_are_stored_is_cancelled(db: Db) {
    let fail = r#"echo '{"error": {"type": "ValueError", "message": "no", "traceback": ""}}'; exit 1"#;
    let (rig, gate) = slow_rig(db, fail).await;
    let cancelling = async {
        gate.waits().await;
        cancel(&rig).await;
    };
    let (ending, ()) = timeout(SOON, async { tokio::join!(rig.run(), cancelling) }).await.expect("it goes on storing");
    assert_eq!(ending.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("status").await.as_deref(), Some("failed"));
    assert_eq!(rig.trial("harbor_stage").await.as_deref(), Some("cancelled"));
}

#[with_database]
async fn a_runner_that_is_told_to_stop_while_it_stores_files_records_the_outcome(db: Db) {
    let (rig, gate) = slow_rig(db, SUCCEED).await;
    let stopping = async {
        gate.waits().await;
        assert!(stored_outcome(&rig).await.outcome.files_incomplete, "it is in the store before the files");
        raise(Signal::SIGTERM).unwrap();
    };
    let (ending, ()) = timeout(SOON, async { tokio::join!(rig.run(), stopping) }).await.expect("it goes on storing");
    assert_eq!(ending.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("status").await.as_deref(), Some("success"));
    assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("true"));
}

/// Its launcher finds it there.
#[with_database]
async fn a_runner_that_is_told_to_stop_without_a_database_leaves_the_outcome_in_the_store(db: Db) {
    let (rig, gate) = slow_rig(db, SUCCEED).await;
    let mut held = rig.runner.db.begin().await.unwrap();
    let stopping = async {
        gate.waits().await;
        sqlx::query("select from oddish.jobs for update").execute(&mut held).await.unwrap();
        raise(Signal::SIGTERM).unwrap();
    };
    let (ending, ()) = timeout(SOON, async { tokio::join!(rig.run(), stopping) }).await.expect("it goes on");
    assert!(matches!(ending, Err(RunError::LeftInStore)), "{ending:?}");
    held.rollback().await.unwrap();
    let StoredOutcome { token, outcome } = stored_outcome(&rig).await;
    assert!(outcome.succeeded && outcome.files_incomplete);
    let Runner { db, retries, .. } = &rig.runner;
    let recorded = attempts::record(db, token, &outcome, retries, OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(recorded, Recorded::Ended);
    assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("true"));
}

/// A runner without a result stops after four minutes; one with a result has nothing to stop.
#[with_database]
async fn an_outage_while_files_are_stored_costs_nothing(db: Db) {
    let (rig, gate) = slow_rig(db, SUCCEED).await;
    let lease = || async {
        let lease: OffsetDateTime =
            sqlx::query_scalar("select lease_until from oddish.jobs").fetch_one(&rig.runner.db).await.unwrap();
        lease
    };
    let outage = async {
        gate.waits().await;
        let before = lease().await;
        // No statement on it is answered any more.
        let mut held = rig.runner.db.begin().await.unwrap();
        sqlx::query("lock table oddish.jobs in access exclusive mode").execute(&mut held).await.unwrap();
        advance(Duration::from_secs(245)).await;
        let waiting = "select exists (select from pg_locks where not granted and relation = 'oddish.jobs'::regclass)";
        let asking = async {
            while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut held).await.unwrap() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, asking).await.expect("it does not look after its lease");
        // Its question is given up, and it is out of contact.
        advance(Duration::from_secs(21)).await;
        held.rollback().await.unwrap();
        // It is renewed before anybody could reap the attempt.
        let renewing = async {
            while lease().await <= before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, renewing).await.expect("the lease is not renewed");
        assert_eq!(rig.trial("status").await.as_deref(), Some("running"));
        gate.open();
    };
    let running = Box::pin(run(&rig.runner, &rig.attempt));
    let both = async { tokio::join!(running, outage) };
    let (ending, ()) = timeout(PATIENCE * 10, both).await.expect("it does not end");
    assert_eq!(ending.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("status").await.as_deref(), Some("success"));
    assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("false"));
    let attempts: i64 =
        sqlx::query_scalar("select count(*) from oddish.attempts").fetch_one(&rig.runner.db).await.unwrap();
    assert_eq!(attempts, 1);
}

/// Whoever found the lease run out recorded the outcome; the runner was only slow.
#[with_database]
async fn a_runner_whose_outcome_was_recorded_for_it_says_when_the_files_are_whole(db: Db) {
    let (rig, gate) = slow_rig(db, SUCCEED).await;
    let adopting = async {
        gate.waits().await;
        let StoredOutcome { token, outcome } = stored_outcome(&rig).await;
        let Runner { db, retries, .. } = &rig.runner;
        attempts::record(db, token, &outcome, retries, OffsetDateTime::now_utc()).await.unwrap();
        assert_eq!(rig.trial("status").await.as_deref(), Some("success"));
        assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("true"));
        gate.open();
    };
    let (ending, ()) = timeout(PATIENCE, async { tokio::join!(rig.run(), adopting) }).await.expect("it does not end");
    assert_eq!(ending.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("false"));
    let prefix = rig.trial("artifact_prefix").await.unwrap();
    assert!(rig.stored().await.iter().any(|key| key.as_str() == format!("{prefix}artifacts/a{SLOW}")));
}

#[with_database]
async fn a_runner_whose_trial_was_given_to_another_stops_storing(db: Db) {
    let (rig, gate) = slow_rig(db, SUCCEED).await;
    let losing = async {
        gate.waits().await;
        let Runner { db, retries, .. } = &rig.runner;
        let lost = attempts::lose(db, rig.attempt.token, "gone", retries, OffsetDateTime::now_utc()).await;
        assert_eq!(lost.unwrap(), AfterLoss::Retried);
    };
    let (ending, ()) = timeout(SOON, async { tokio::join!(rig.run(), losing) }).await.expect("it goes on storing");
    assert_eq!(ending.unwrap(), Ending::Stale);
    assert_eq!(rig.trial("status").await.as_deref(), Some("retrying"));
}

//! Two at the same instant: one of them stands still in the middle, with all that it has locked, while the other goes as far as it can.

use oddish_db::attempts::{self, AfterLoss, Outcome};
use oddish_db::cancelling::{self, Cancelled};
use oddish_db::idempotency::Work;
use oddish_db::jobs::{Fenced, LEASE, Recorded};
use oddish_db::leases::{self, SUSPICION};
use oddish_db::trial_selection::{Scope, Selection};
use oddish_db::{Db, retrying};
use oddish_test_support::scene::{NOW, RULES, Scene, reward, trial_specs};
use oddish_test_support::with_database;
use tokio::task::JoinHandle;

const WAITING: &str =
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/// The other one has come to where it must wait.
async fn until_it_waits<T>(scene: &Scene, other: &JoinHandle<T>) {
    while scene.count(WAITING).await == 0 {
        assert!(!other.is_finished(), "it did not wait");
        tokio::task::yield_now().await;
    }
}

/// The cancel has asked for the trial's end and not committed when its runner records a failure: it is not tried again.
#[with_database]
async fn a_failure_that_comes_while_its_trial_is_cancelled_is_the_last(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let trial_id = format!("{task_id}-0");
    // The cancel's last step waits for this.
    let mut held = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.tasks for update").execute(&mut held).await.unwrap();
    let cancelling = tokio::spawn({
        let (db, trials, tasks) = (scene.db.clone(), vec![trial_id.clone()], vec![task_id.clone()]);
        async move { cancelling::cancel(&db, &trials, &tasks, NOW).await.unwrap() }
    });
    until_it_waits(&scene, &cancelling).await;
    let recording = tokio::spawn({
        let db = scene.db.clone();
        let outcome = Outcome { error_type: Some("NetworkConnectionError".to_owned()), ..Outcome::default() };
        async move { attempts::record(&db, claim.attempt.token, &outcome, &RULES, NOW).await.unwrap() }
    });
    scene.until_waiting_for_locks(2).await;
    held.rollback().await.unwrap();
    let stopping = Cancelled { stopping: vec![trial_id.clone()], tasks: vec![task_id.clone()], ..Cancelled::default() };
    assert_eq!(cancelling.await.unwrap(), stopping);
    assert_eq!(recording.await.unwrap(), Recorded::Ended);
    assert_eq!(scene.trial(&trial_id, "harbor_stage").await.as_deref(), Some("cancelled"));
    assert_eq!(scene.task_status(&task_id).await, "failed");
    scene.assert_consistent().await;
}

/// The reaper was first, though it has not committed: the heartbeat brings nothing back.
#[with_database]
async fn a_renewal_that_comes_after_the_reaper_is_stale(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let late = NOW + LEASE + time::Duration::SECOND;
    leases::suspect(&scene.db, late).await.unwrap();
    // The reaper has the job's row, and then waits for this.
    let mut held = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.trials for update").execute(&mut held).await.unwrap();
    let token = claim.attempt.token;
    let reaping = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::reap(&db, token, "gone", &RULES, late + SUSPICION).await.unwrap() }
    });
    until_it_waits(&scene, &reaping).await;
    let renewing = tokio::spawn({
        let db = scene.db.clone();
        async move { leases::renew(&db, token, late + SUSPICION).await.unwrap() }
    });
    scene.until_waiting_for_locks(2).await;
    held.rollback().await.unwrap();
    assert_eq!(reaping.await.unwrap(), AfterLoss::Retried);
    assert_eq!(renewing.await.unwrap(), Fenced::Stale);
    scene.assert_consistent().await;
}

#[with_database]
async fn an_append_that_comes_during_another_numbers_on_after_it(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let trials = trial_specs(2, "a/one");
    let mut first = Work::begin(&scene.db).await.unwrap();
    scene.append_within(&mut first, &task_id, &trials).await;
    let second = tokio::spawn({
        let (scene, task_id) = (Scene::new(scene.db.clone()), task_id.clone());
        async move { scene.append(&task_id, None, &trial_specs(2, "a/one")).await.unwrap() }
    });
    until_it_waits(&scene, &second).await;
    first.finish(&serde_json::Value::Null).await.unwrap();
    second.await.unwrap();
    let numbers: Vec<i32> = sqlx::query_scalar("select trial_index from oddish.trials order by trial_index")
        .fetch_all(&scene.db)
        .await
        .unwrap();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

/// A task with a trial that has ended and one that runs.
async fn half_done(scene: &Scene) -> (String, Selection, uuid::Uuid) {
    let task_id = scene.task(2, "a/one").await;
    let done = scene.begun().await;
    attempts::record(&scene.db, done.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    let last = scene.begun().await;
    (task_id.clone(), Selection::all(Scope::Trial(format!("{task_id}-0"))), last.attempt.token)
}

/// The last trial is ending, and its task with it, when a user has another one run again.
#[with_database]
async fn a_retry_that_comes_while_its_task_ends_reopens_it(db: Db) {
    let scene = Scene::new(db);
    let (task_id, _, _) = half_done(&scene).await;
    let mut ending = scene.db.begin().await.unwrap();
    for step in [
        "update oddish.trials set status = 'success', finished_at = now() where status = 'running'",
        "delete from oddish.jobs",
        "update oddish.attempts set ended_at = now(), outcome = 'recorded' where ended_at is null",
        "update oddish.tasks set status = 'completed', finished_at = now()",
    ] {
        sqlx::query(step).execute(&mut ending).await.unwrap();
    }
    let retrying = tokio::spawn({
        let (db, trials) = (scene.db.clone(), vec![format!("{task_id}-0")]);
        async move { retrying::retry(&db, &trials, NOW).await.unwrap() }
    });
    until_it_waits(&scene, &retrying).await;
    ending.commit().await.unwrap();
    assert_eq!(retrying.await.unwrap().queued.len(), 1);
    assert_eq!(scene.task_status(&task_id).await, "running");
    scene.assert_consistent().await;
}

/// The other way round: whoever ends the last trial sees that another one runs again.
#[with_database]
async fn a_trial_that_ends_while_another_is_retried_does_not_end_their_task(db: Db) {
    let scene = Scene::new(db);
    let (task_id, ended, token) = half_done(&scene).await;
    let mut retry = Work::begin(&scene.db).await.unwrap();
    retrying::retry_within(&mut retry, &ended, NOW).await.unwrap();
    let recording = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::record(&db, token, &reward(1.0), &RULES, NOW).await.unwrap() }
    });
    until_it_waits(&scene, &recording).await;
    retry.finish(&serde_json::Value::Null).await.unwrap();
    assert_eq!(recording.await.unwrap(), Recorded::Ended);
    assert_eq!(scene.task_status(&task_id).await, "running");
    scene.assert_consistent().await;
}

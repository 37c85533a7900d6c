//! Cancelling trials, and running them again.

use oddish_db::Db;
use oddish_db::attempts::{self, AfterLoss, Outcome, Standing};
use oddish_db::cancelling::{Cancelled, cancel};
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::retrying::retry;
use oddish_db::trial_selection::{self, Scope, Selection};
use oddish_domain::failure::FailureClass;
use oddish_domain::status::TrialStatus;
use oddish_test_support::scene::{NOW, RULES, Scene, reward};
use oddish_test_support::with_database;
use time::Duration;

async fn all(scene: &Scene, task_id: &str) -> Vec<String> {
    trial_selection::ids(&scene.db, &Selection::all(Scope::Tasks(vec![task_id.to_owned()]))).await.unwrap()
}

#[with_database]
async fn what_waits_ends_and_what_runs_is_told_to_stop(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    let task_id = scene.task(4, "a/one").await;
    let over = scene.begun().await;
    attempts::record(&scene.db, over.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    let running = scene.begun().await;
    let claimed = scene.claim_one().await;
    let ids = all(&scene, &task_id).await;
    let expected = Cancelled {
        ended: vec![ids[3].clone()],
        stopping: vec![running.attempt.subject.clone(), claimed.attempt.subject.clone()],
        stopping_already: Vec::new(),
        over: vec![over.attempt.subject.clone()],
        tasks: vec![task_id.clone()],
    };
    assert_eq!(cancel(&scene.db, &ids, std::slice::from_ref(&task_id), NOW).await.unwrap(), expected);
    assert_eq!(scene.task_status(&task_id).await, "running", "two of its trials have not stopped yet");

    assert_eq!(attempts::standing(&scene.db, running.attempt.token).await.unwrap(), Standing::CancelRequested);
    assert!(scene.begin(&claimed).await.is_none(), "it begins no more");
    assert_eq!(attempts::cancelled(&scene.db, running.attempt.token, NOW).await.unwrap(), Fenced::Accepted);
    assert_eq!(attempts::standing(&scene.db, running.attempt.token).await.unwrap(), Standing::Stale);
    for id in &ids[1..] {
        assert_eq!(scene.trial(id, "status").await.as_deref(), Some("failed"));
        assert_eq!(scene.trial(id, "harbor_stage").await.as_deref(), Some("cancelled"));
        assert_eq!(scene.trial(id, "error_message").await.as_deref(), Some("Cancelled by user"));
    }
    assert_eq!(scene.trial(&over.attempt.subject, "status").await.as_deref(), Some("success"));
    assert_eq!(scene.task_status(&task_id).await, "failed");
    assert!(scene.claim(10).await.is_empty());
    scene.assert_consistent().await;
}

/// Whatever ends the attempt of a cancelled trial, it says cancelled.
#[with_database]
async fn a_cancelled_trial_is_never_tried_again(db: Db) {
    let scene = Scene::new(db).limit("a/one", 5).await;
    let task_id = scene.task(5, "a/one").await;
    let lost = scene.begun().await;
    let interrupted = scene.begun().await;
    let failed = scene.begun().await;
    let unlaunched = scene.claim_one().await;
    let given_back = scene.claim_one().await;
    cancel(&scene.db, &all(&scene, &task_id).await, &[], NOW).await.unwrap();
    let db = &scene.db;
    assert_eq!(attempts::lose(db, lost.attempt.token, "gone", &RULES, NOW).await.unwrap(), AfterLoss::Cancelled);
    attempts::interrupt(db, interrupted.attempt.token, "told to stop", NOW).await.unwrap();
    let outcome = Outcome { error_type: Some("NetworkConnectionError".to_owned()), ..Outcome::default() };
    assert_eq!(attempts::record(db, failed.attempt.token, &outcome, &RULES, NOW).await.unwrap(), Recorded::Ended);
    attempts::launch_failed(db, unlaunched.attempt.token, "no", NOW).await.unwrap();
    attempts::give_back(db, given_back.attempt.token, "no room", NOW).await.unwrap();
    let cancelled = "select count(*) from oddish.trials where status = 'failed' and harbor_stage = 'cancelled'";
    assert_eq!(scene.count(cancelled).await, 5);
    assert_eq!(scene.task_status(&task_id).await, "completed", "its trials were cancelled, the task was not");
    scene.assert_consistent().await;
}

/// It was paid for: the result is kept.
#[with_database]
async fn a_result_that_comes_before_the_runner_stops_is_kept(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    cancel(&scene.db, &all(&scene, &task_id).await, &[], NOW).await.unwrap();
    assert_eq!(
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap(),
        Recorded::Ended
    );
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("success"));
}

/// Finish and cancel at the same instant: whoever has the job's row decides, and the other sees what it did.
#[with_database]
async fn a_cancel_that_comes_while_the_trial_ends_finds_it_over(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    scene.begun().await;
    let ids = all(&scene, &task_id).await;
    let mut ending = scene.db.begin().await.unwrap();
    sqlx::query("update oddish.trials set status = 'success', finished_at = now()").execute(&mut ending).await.unwrap();
    sqlx::query("delete from oddish.jobs").execute(&mut ending).await.unwrap();
    let cancelling = tokio::spawn({
        let (db, ids) = (scene.db.clone(), ids.clone());
        async move { cancel(&db, &ids, &[], NOW).await.unwrap() }
    });
    scene.until_waiting_for_a_lock().await;
    ending.commit().await.unwrap();
    assert_eq!(cancelling.await.unwrap(), Cancelled { over: ids.clone(), ..Cancelled::default() });
    assert_eq!(scene.trial(&ids[0], "cancel_requested_at").await, None);
}

/// Claim and cancel at the same instant: the cancel waits, and then knows that the trial is claimed.
#[with_database]
async fn a_cancel_that_comes_while_the_trial_is_claimed_tells_it_to_stop(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let ids = all(&scene, &task_id).await;
    let mut claiming = scene.db.begin().await.unwrap();
    sqlx::query("select * from oddish.claim_jobs(1, $1)").bind(NOW).execute(&mut claiming).await.unwrap();
    let cancelling = tokio::spawn({
        let (db, ids) = (scene.db.clone(), ids.clone());
        async move { cancel(&db, &ids, &[], NOW).await.unwrap() }
    });
    scene.until_waiting_for_a_lock().await;
    claiming.commit().await.unwrap();
    assert_eq!(cancelling.await.unwrap(), Cancelled { stopping: ids, ..Cancelled::default() });
    scene.assert_consistent().await;
}

#[with_database]
async fn a_retried_trial_runs_again_with_all_its_tries(db: Db) {
    let scene = Scene::new(db).max_attempts(1).high_priority();
    let task_id = scene.task(2, "a/one").await;
    let done = scene.begun().await;
    attempts::record(&scene.db, done.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    let other = scene.begun().await;
    let outcome = Outcome { error_type: Some("RewardMissing".to_owned()), ..Outcome::default() };
    attempts::record(&scene.db, other.attempt.token, &outcome, &RULES, NOW).await.unwrap();
    assert_eq!(scene.task_status(&task_id).await, "completed");

    let failed = Selection {
        statuses: vec![TrialStatus::Failed],
        error_classes: vec![FailureClass::Verifier],
        ..Selection::all(Scope::Tasks(vec![task_id.clone()]))
    };
    let ids = trial_selection::ids(&scene.db, &failed).await.unwrap();
    assert_eq!(ids, std::slice::from_ref(&other.attempt.subject));
    let requeued = retry(&scene.db, &ids, NOW + Duration::HOUR).await.unwrap();
    assert_eq!((requeued.queued, requeued.active), (ids.clone(), Vec::new()));
    assert_eq!(scene.task_status(&task_id).await, "running");
    assert_eq!(scene.trial(&ids[0], "error_type").await, None);
    scene.assert_consistent().await;

    let again = scene.begun().await;
    assert_eq!(
        (again.attempt.subject.as_str(), again.attempt.number),
        (ids[0].as_str(), 2),
        "attempts are numbered on"
    );
    assert_eq!(scene.trial(&ids[0], "attempts").await.as_deref(), Some("1"));
    let active = retry(&scene.db, &ids, NOW).await.unwrap();
    assert_eq!((active.queued, active.active), (Vec::new(), ids.clone()));
    let limited = Outcome { error_type: Some("ApiRateLimitError".to_owned()), ..Outcome::default() };
    let recorded = attempts::record(&scene.db, again.attempt.token, &limited, &RULES, NOW).await.unwrap();
    assert!(matches!(recorded, Recorded::Retried { .. }), "what it failed of before no longer counts: {recorded:?}");
    scene.assert_consistent().await;
}

#[with_database]
async fn a_cancelled_trial_can_be_run_again(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let ids = all(&scene, &task_id).await;
    cancel(&scene.db, &ids, std::slice::from_ref(&task_id), NOW).await.unwrap();
    assert_eq!(scene.task_status(&task_id).await, "failed");
    retry(&scene.db, &ids, NOW).await.unwrap();
    let claim = scene.begun().await;
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(scene.trial(&ids[0], "status").await.as_deref(), Some("success"));
    assert_eq!(scene.task_status(&task_id).await, "completed");
}

//! What runners write, and what stale ones cannot.

use oddish_db::attempts::{self, AfterLoss, Outcome, Standing};
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::{Db, queue, retrying, trials};
use oddish_domain::omitted_files::{OmissionReason, OmittedFiles};
use oddish_domain::status::HarborStage;
use oddish_test_support::scene::{NOW, RULES, Scene, process, reward};
use oddish_test_support::with_database;
use uuid::Uuid;

#[with_database]
async fn a_recorded_outcome_ends_trial_job_and_task(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    assert_eq!(scene.task_status(&task_id).await, "running");
    assert_eq!(
        attempts::record(&scene.db, claim.attempt.token, &reward(0.5), &RULES, NOW).await.unwrap(),
        Recorded::Ended
    );
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("success"));
    assert_eq!(scene.trial(&claim.attempt.subject, "reward").await.as_deref(), Some("0.5"));
    assert_eq!(scene.task_status(&task_id).await, "completed");
    scene.assert_consistent().await;
}

#[with_database]
async fn an_outcome_without_a_reward_is_failed_and_its_reward_missing(db: Db) {
    let scene = Scene::new(db).max_attempts(1);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let outcome = Outcome { error_type: Some("RewardMissing".to_owned()), ..Outcome::default() };
    attempts::record(&scene.db, claim.attempt.token, &outcome, &RULES, NOW).await.unwrap();
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("failed"));
    assert_eq!(scene.trial(&claim.attempt.subject, "reward").await, None);
}

#[with_database]
async fn nothing_is_recorded_twice(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(
        attempts::record(&scene.db, claim.attempt.token, &reward(0.0), &RULES, NOW).await.unwrap(),
        Recorded::Stale
    );
    assert_eq!(scene.trial(&claim.attempt.subject, "reward").await.as_deref(), Some("1"));
}

#[with_database]
async fn only_the_newest_attempt_can_write(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let old = scene.begun().await;
    assert_eq!(attempts::lose(&scene.db, old.attempt.token, "gone", &RULES, NOW).await.unwrap(), AfterLoss::Retried);
    assert_eq!(scene.trial(&old.attempt.subject, "status").await.as_deref(), Some("retrying"));
    assert_eq!(scene.trial(&old.attempt.subject, "error_message").await.as_deref(), Some("gone"));
    let new = scene.begun().await;
    assert_eq!((new.attempt.subject.as_str(), new.attempt.number), (old.attempt.subject.as_str(), 2));
    assert_eq!(scene.trial(&new.attempt.subject, "error_message").await, None, "it is of the attempt before");
    for token in [old.attempt.token, Uuid::new_v4()] {
        let db = &scene.db;
        assert_eq!(attempts::record(db, token, &reward(0.0), &RULES, NOW).await.unwrap(), Recorded::Stale);
        assert_eq!(attempts::set_stage(db, token, HarborStage::Verification, NOW).await.unwrap(), Fenced::Stale);
        assert_eq!(attempts::interrupt(db, token, "told to stop", NOW).await.unwrap(), Fenced::Stale);
        assert_eq!(attempts::lose(db, token, "gone", &RULES, NOW).await.unwrap(), AfterLoss::Stale);
        assert!(attempts::begin(db, token, &process(), NOW).await.unwrap().is_none());
        assert_eq!(attempts::standing(db, token).await.unwrap(), Standing::Stale);
    }
    assert_eq!(
        attempts::record(&scene.db, new.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap(),
        Recorded::Ended
    );
    assert_eq!(scene.trial(&new.attempt.subject, "reward").await.as_deref(), Some("1"));
    scene.assert_consistent().await;
}

/// The trial would be left without an end and without a job.
#[with_database]
async fn what_has_not_begun_has_no_outcome(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.claim_one().await;
    assert_eq!(
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap(),
        Recorded::Stale
    );
    scene.assert_consistent().await;
    assert!(scene.begin(&claim).await.is_some());
}

/// What can never be launched does not run.
#[with_database]
async fn a_trial_that_runs_does_not_fail_for_its_launch(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    assert_eq!(attempts::launch_failed(&scene.db, claim.attempt.token, "late", NOW).await.unwrap(), Fenced::Stale);
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("running"));
}

/// The job's row says who was first; the other waits for it, and finds its token stale.
#[with_database]
async fn an_attempt_that_is_being_ended_is_not_ended_by_another(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let mut first = scene.db.begin().await.unwrap();
    sqlx::query("delete from oddish.jobs").execute(&mut first).await.unwrap();
    let recording = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap() }
    });
    let losing = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::lose(&db, claim.attempt.token, "gone", &RULES, NOW).await.unwrap() }
    });
    scene.until_waiting_for_locks(2).await;
    first.commit().await.unwrap();
    assert_eq!(recording.await.unwrap(), Recorded::Stale);
    assert_eq!(losing.await.unwrap(), AfterLoss::Stale);
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("running"));
    assert_eq!(scene.count("select count(*) from oddish.attempts where ended_at is null").await, 1);
}

/// As when the database shuts down, or an operator cancels what hangs: the same query may succeed later.
#[with_database]
async fn what_the_database_breaks_off_may_be_tried_again(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let mut held = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.jobs for update").execute(&mut held).await.unwrap();
    let recording = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, NOW).await }
    });
    let cancel = "select count(*) filter (where pg_cancel_backend(pid)) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    while scene.count(cancel).await == 0 {
        assert!(!recording.is_finished(), "it did not wait for the job's row");
        tokio::task::yield_now().await;
    }
    let error = recording.await.unwrap().unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[with_database]
async fn an_attempt_begins_once(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    assert!(scene.begin(&claim).await.is_none(), "started twice, begun once");
    assert_eq!(scene.trial(&claim.attempt.subject, "attempts").await.as_deref(), Some("1"));
}

/// Lost runners have a number of tries of their own, whatever the trial's attempts are.
#[with_database]
async fn a_trial_whose_runners_are_lost_again_and_again_fails_in_the_end(db: Db) {
    let scene = Scene::new(db).max_attempts(1);
    let task_id = scene.task(1, "a/one").await;
    let mut now = NOW;
    let mut losses = 0;
    let trial_id = loop {
        let claim = queue::claim(&scene.db, 1, now).await.unwrap().pop().expect("it is due");
        // Every second runner is gone before it begins: that counts too.
        if losses % 2 == 0 {
            assert!(attempts::begin(&scene.db, claim.attempt.token, &process(), now).await.unwrap().is_some());
        }
        losses += 1;
        match attempts::lose(&scene.db, claim.attempt.token, "gone", &RULES, now).await.unwrap() {
            AfterLoss::Retried if losses == 1 => {
                assert_eq!(scene.count("select count(*) from oddish.jobs where state = 'ready'").await, 1, "at once");
            }
            AfterLoss::Retried => now = queue::next_due(&scene.db).await.unwrap().expect("a time to wait for"),
            AfterLoss::Failed => break claim.attempt.subject,
            after => panic!("{after:?}"),
        }
    };
    assert_eq!(losses, 8);
    assert_eq!(scene.trial(&trial_id, "status").await.as_deref(), Some("failed"));
    assert_eq!(scene.trial(&trial_id, "error_type").await.as_deref(), Some("RunnerLost"));
    assert_eq!(scene.trial(&trial_id, "error_class").await.as_deref(), Some("infrastructure"));
    assert_eq!(scene.trial(&trial_id, "reward").await, None, "a lost trial has no reward, not a reward of 0");
    assert_eq!(scene.trial(&trial_id, "attempts").await.as_deref(), Some("8"));
    assert_eq!(scene.task_status(&task_id).await, "completed");
    scene.assert_consistent().await;
}

fn failed(error_type: &str, message: &str) -> Outcome {
    Outcome { error_type: Some(error_type.to_owned()), error_message: Some(message.to_owned()), ..Outcome::default() }
}

#[with_database]
async fn a_failure_is_tried_again_when_the_provider_says_or_never(db: Db) {
    let scene = Scene::new(db).max_attempts(1);
    let task_id = scene.task(1, "a/one").await;
    let first = scene.begun().await;
    let limited = failed("ApiRateLimitError", "Please try again in 7200s.");
    let recorded = attempts::record(&scene.db, first.attempt.token, &limited, &RULES, NOW).await.unwrap();
    let Recorded::Retried { at } = recorded else { panic!("{recorded:?}") };
    assert!(at >= NOW + time::Duration::hours(2), "the provider asked for two hours: {at}");
    assert_eq!(scene.trial(&first.attempt.subject, "status").await.as_deref(), Some("retrying"));
    assert_eq!(scene.trial(&first.attempt.subject, "error_class").await.as_deref(), Some("provider_rate_limit"));
    assert_eq!(scene.task_status(&task_id).await, "running");
    assert!(scene.claim(1).await.is_empty(), "it waits");
    scene.assert_consistent().await;
    let second = queue::claim(&scene.db, 1, at).await.unwrap().pop().unwrap();
    assert!(attempts::begin(&scene.db, second.attempt.token, &process(), at).await.unwrap().is_some());
    let missing = failed("RewardMissing", "no reward");
    assert_eq!(attempts::record(&scene.db, second.attempt.token, &missing, &RULES, at).await.unwrap(), Recorded::Ended);
    assert_eq!(
        scene.trial(&first.attempt.subject, "status").await.as_deref(),
        Some("failed"),
        "one attempt was allowed"
    );
    let classes = "select count(*) from oddish.attempts where outcome = 'recorded' and error_class in ('provider_rate_limit', 'verifier')";
    assert_eq!(scene.count(classes).await, 2);
    scene.assert_consistent().await;
}

/// What begins, fails and is recorded again and again, and how often it is tried.
async fn tries(scene: &Scene, outcome: &Outcome) -> usize {
    let mut now = NOW;
    for number in 1.. {
        let claim = queue::claim(&scene.db, 1, now).await.unwrap().pop().expect("it is due");
        assert!(attempts::begin(&scene.db, claim.attempt.token, &process(), now).await.unwrap().is_some());
        match attempts::record(&scene.db, claim.attempt.token, outcome, &RULES, now).await.unwrap() {
            Recorded::Retried { at } => now = at,
            Recorded::Ended => return number,
            Recorded::Stale => panic!("it is stale"),
        }
    }
    unreachable!("it never ends")
}

#[with_database]
async fn an_attempt_whose_agent_began_counts_whatever_its_class(db: Db) {
    let scene = Scene::new(db).max_attempts(3);
    scene.task(1, "a/one").await;
    let before = failed("NetworkConnectionError", "gone");
    assert_eq!(tries(&scene, &before).await, 8, "the budget of its class");
    scene.task(1, "a/one").await;
    let since = Outcome { agent_began: true, ..before };
    assert_eq!(tries(&scene, &since).await, 3, "the trial's own");
    assert_eq!(scene.count("select count(*) from oddish.attempts where agent_began").await, 3);
    scene.assert_consistent().await;
}

/// A Spot instance that is taken away is not the agent's doing, however far the agent had come.
#[with_database]
async fn a_lost_runner_keeps_its_own_budget_also_since_the_agent_began(db: Db) {
    let scene = Scene::new(db).max_attempts(2);
    scene.task(1, "a/one").await;
    let mut now = NOW;
    for lost in 0..3 {
        let claim = queue::claim(&scene.db, 1, now).await.unwrap().pop().expect("it is due");
        assert!(attempts::begin(&scene.db, claim.attempt.token, &process(), now).await.unwrap().is_some());
        attempts::set_stage(&scene.db, claim.attempt.token, HarborStage::AgentRunning, now).await.unwrap();
        let after = attempts::lose(&scene.db, claim.attempt.token, "gone", &RULES, now).await.unwrap();
        assert_eq!(after, AfterLoss::Retried, "loss {lost}");
        now = queue::next_due(&scene.db).await.unwrap().unwrap_or(now);
    }
    // The losses leave both attempts to what fails by itself.
    let claim = queue::claim(&scene.db, 1, now).await.unwrap().pop().expect("it is due");
    assert!(attempts::begin(&scene.db, claim.attempt.token, &process(), now).await.unwrap().is_some());
    let crashed = Outcome { agent_began: true, ..failed("HarborCrashed", "gone") };
    let recorded = attempts::record(&scene.db, claim.attempt.token, &crashed, &RULES, now).await.unwrap();
    assert!(matches!(recorded, Recorded::Retried { .. }), "{recorded:?}");
}

#[with_database]
async fn files_that_are_not_kept_are_of_the_newest_attempt(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let mut omitted = OmittedFiles::default();
    omitted.add(OmissionReason::TooDeep, 5);
    let outcome = Outcome { omitted_files: Some(omitted), ..reward(1.0) };
    attempts::record(&scene.db, claim.attempt.token, &outcome, &RULES, NOW).await.unwrap();
    let found = trials::get(&scene.db, &claim.attempt.subject).await.unwrap().unwrap().omitted_files;
    assert_eq!(found, Some(serde_json::json!({"files": 1, "bytes": 5, "reasons": {"too_deep": 1}})));
    retrying::retry(&scene.db, std::slice::from_ref(&claim.attempt.subject), NOW).await.unwrap();
    assert_eq!(scene.trial(&claim.attempt.subject, "omitted_files").await, None);
}

/// As whoever adopts it from the store does: the runner stores the rest later, or never.
#[with_database]
async fn files_of_an_outcome_that_was_recorded_before_them_are_incomplete_until_they_are_stored(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let (token, trial_id) = (claim.attempt.token, &claim.attempt.subject);
    let early = Outcome { artifact_prefix: Some("a/1/".to_owned()), files_incomplete: true, ..reward(1.0) };
    let mut omitted = OmittedFiles::default();
    omitted.add(OmissionReason::TooManyBytes, 5);
    let whole = Outcome { files_incomplete: false, omitted_files: Some(omitted), ..early.clone() };
    let stored = async |token| attempts::files_stored(&scene.db, token, &whole, NOW).await.unwrap();
    assert_eq!(stored(token).await, Fenced::Stale, "it is not recorded yet");
    assert!(!attempts::was_recorded(&scene.db, token).await.unwrap());

    attempts::record(&scene.db, token, &early, &RULES, NOW).await.unwrap();
    assert!(attempts::was_recorded(&scene.db, token).await.unwrap());
    let found = trials::get(&scene.db, trial_id).await.unwrap().unwrap();
    assert_eq!((found.files_incomplete, found.artifact_prefix.as_deref()), (true, Some("a/1/")));
    assert_eq!(stored(token).await, Fenced::Accepted);
    let found = trials::get(&scene.db, trial_id).await.unwrap().unwrap();
    assert_eq!((found.files_incomplete, found.omitted_files.is_some()), (false, true));
    assert_eq!(stored(token).await, Fenced::Stale, "once");
    scene.assert_consistent().await;
}

#[with_database]
async fn only_the_newest_attempt_tells_of_its_files(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let first = scene.begun().await;
    let early =
        Outcome { artifact_prefix: Some("a/1/".to_owned()), files_incomplete: true, ..failed("HarborCrashed", "gone") };
    attempts::record(&scene.db, first.attempt.token, &early, &RULES, NOW).await.unwrap();
    let due = queue::next_due(&scene.db).await.unwrap().expect("it is tried again");
    let second = queue::claim(&scene.db, 1, due).await.unwrap().pop().expect("it is due");
    let whole = Outcome { files_incomplete: false, ..early.clone() };
    let stored = async |token| attempts::files_stored(&scene.db, token, &whole, due).await.unwrap();
    assert_eq!(stored(first.attempt.token).await, Fenced::Stale, "another attempt is on its way");

    assert!(attempts::begin(&scene.db, second.attempt.token, &process(), due).await.unwrap().is_some());
    let later = Outcome { artifact_prefix: Some("a/2/".to_owned()), files_incomplete: true, ..reward(1.0) };
    attempts::record(&scene.db, second.attempt.token, &later, &RULES, due).await.unwrap();
    assert_eq!(stored(first.attempt.token).await, Fenced::Stale, "the trial has another one's files");
    assert_eq!(scene.trial(&first.attempt.subject, "artifact_prefix").await.as_deref(), Some("a/2/"));

    retrying::retry(&scene.db, std::slice::from_ref(&first.attempt.subject), due).await.unwrap();
    assert_eq!(scene.trial(&first.attempt.subject, "files_incomplete").await.as_deref(), Some("false"));
    assert_eq!(stored(second.attempt.token).await, Fenced::Stale, "it is to run again");
    assert_eq!(scene.trial(&first.attempt.subject, "artifact_prefix").await, None);
}

#[with_database]
async fn an_interruption_and_a_claim_given_back_cost_no_attempt(db: Db) {
    let scene = Scene::new(db).max_attempts(1);
    scene.task(1, "a/one").await;
    let first = scene.begun().await;
    assert_eq!(
        attempts::interrupt(&scene.db, first.attempt.token, "server stops", NOW).await.unwrap(),
        Fenced::Accepted
    );
    assert_eq!(scene.trial(&first.attempt.subject, "status").await.as_deref(), Some("queued"));
    assert_eq!(scene.trial(&first.attempt.subject, "attempts").await.as_deref(), Some("0"));
    let second = scene.claim_one().await;
    assert_eq!(attempts::give_back(&scene.db, second.attempt.token, "no room", NOW).await.unwrap(), Fenced::Accepted);
    let third = scene.begun().await;
    assert_eq!(third.attempt.number, 3, "each claim has an attempt of its own");
    attempts::record(&scene.db, third.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(scene.trial(&third.attempt.subject, "attempts").await.as_deref(), Some("1"));
    scene.assert_consistent().await;
}

/// What an earlier attempt has cost stays spent.
#[with_database]
async fn a_claim_given_back_gives_no_earlier_attempt_back(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let lost = scene.begun().await;
    attempts::lose(&scene.db, lost.attempt.token, "gone", &RULES, NOW).await.unwrap();
    let claim = scene.claim_one().await;
    attempts::give_back(&scene.db, claim.attempt.token, "no room", NOW).await.unwrap();
    assert_eq!(scene.trial(&claim.attempt.subject, "attempts").await.as_deref(), Some("1"));
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("retrying"));
}

#[with_database]
async fn a_trial_that_cannot_be_launched_fails_with_the_reason(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.claim_one().await;
    attempts::launch_failed(&scene.db, claim.attempt.token, "no such program", NOW).await.unwrap();
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("failed"));
    assert_eq!(scene.trial(&claim.attempt.subject, "error_message").await.as_deref(), Some("no such program"));
    scene.assert_consistent().await;
}

#[with_database]
async fn the_open_attempts_of_a_host_name_their_processes(db: Db) {
    let scene = Scene::new(db);
    scene.task(3, "a/one").await;
    let open = scene.begun().await;
    let ended = scene.begun().await;
    attempts::record(&scene.db, ended.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    scene.claim_one().await;
    let found = attempts::open_on_host(&scene.db, "testhost").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].attempt.token, found[0].process.clone()), (open.attempt.token, process()));
    assert!(attempts::open_on_host(&scene.db, "elsewhere").await.unwrap().is_empty());
}

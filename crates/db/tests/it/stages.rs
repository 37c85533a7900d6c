//! The stages of a task that is judged: trials, analyses, verdict, end.

use oddish_db::attempts::{self, AfterLoss, Standing};
use oddish_db::jobs::{Fenced, LEASE, Recorded};
use oddish_db::judging::{self, JudgingError, Subject};
use oddish_db::queue::Claim;
use oddish_db::tasks::Counted;
use oddish_db::trials::OfTask;
use oddish_db::{Db, Tx, cancelling, leases, queue, retrying, tasks, trials};
use oddish_domain::status::{JobKind, TaskStatus, TrialStatus};
use oddish_test_support::scene::{NOW, RULES, Scene, process, reward, trial_specs};
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::Duration;

const JUDGES: (&str, &str) = ("judge/analysis", "judge/verdict");

/// A task of so many trials under `a/one` that is judged.
async fn judged_task(scene: &Scene, trials: u32) -> String {
    judged_by(scene, trials, JUDGES).await
}

async fn judged_by(scene: &Scene, trials: u32, judges: (&str, &str)) -> String {
    let task_id = scene.upload().await;
    scene.judged_sweep(&task_id, &trial_specs(trials, "a/one"), judges).await;
    task_id
}

async fn claim_of(scene: &Scene, kind: JobKind) -> Claim {
    let claim = scene.claim_one().await;
    assert_eq!(claim.attempt.kind, kind);
    claim
}

/// Runs one trial to its end.
async fn run_trial(scene: &Scene) -> String {
    let claim = claim_of(scene, JobKind::Trial).await;
    scene.begin(&claim).await.unwrap();
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    claim.attempt.subject
}

/// Runs so many trials to their end, all of them before anything else.
async fn run_trials(scene: &Scene, count: usize) -> Vec<String> {
    let mut claims = Vec::new();
    for _ in 0..count {
        claims.push(claim_of(scene, JobKind::Trial).await);
    }
    for claim in &claims {
        scene.begin(claim).await.unwrap();
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    }
    claims.into_iter().map(|claim| claim.attempt.subject).collect()
}

async fn begin_judging(scene: &Scene, kind: JobKind) -> (Claim, Subject) {
    let claim = claim_of(scene, kind).await;
    let subject = judging::begin(&scene.db, claim.attempt.token, &process(), NOW).await.unwrap().unwrap();
    (claim, subject)
}

async fn record(scene: &Scene, claim: &Claim, judged: Result<Value, &str>) -> Recorded {
    let judged = judged.map_err(|error_type| JudgingError {
        error_type: error_type.to_owned(),
        message: format!("{error_type}: it went wrong"),
    });
    judging::record(&scene.db, claim.attempt.token, &judged, &RULES, NOW).await.unwrap()
}

async fn analyse(scene: &Scene, classification: &str) {
    let (claim, _) = begin_judging(scene, JobKind::Analysis).await;
    assert_eq!(record(scene, &claim, Ok(json!({"classification": classification}))).await, Recorded::Ended);
}

async fn stage(scene: &Scene, task_id: &str) -> TaskStatus {
    tasks::get(&scene.db, task_id, Counted::Newest).await.unwrap().unwrap().status
}

#[with_database]
async fn a_judged_task_goes_through_every_stage(db: Db) {
    let scene = Scene::new(db).limit("a/one", 1).await.limit(JUDGES.0, 1).await;
    let task_id = judged_task(&scene, 2).await;
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Pending);
    let first = run_trial(&scene).await;
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Running);

    // Its analysis is queued at once, and does not wait for the other trial.
    let claims = scene.claim(10).await;
    let mut kinds: Vec<JobKind> = claims.iter().map(|claim| claim.attempt.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [JobKind::Trial, JobKind::Analysis]);
    let [analysis, trial] = ["analysis", "trial"]
        .map(|kind| claims.iter().find(|claim| claim.attempt.kind.as_str() == kind).unwrap().clone());
    assert_eq!(analysis.attempt.subject, first);
    assert!(scene.begin(&analysis).await.is_none(), "it is no trial");
    assert!(
        judging::begin(&scene.db, trial.attempt.token, &process(), NOW).await.unwrap().is_none(),
        "it is no judgement"
    );
    let Subject::Trial { trial_id, reward: given, .. } =
        judging::begin(&scene.db, analysis.attempt.token, &process(), NOW).await.unwrap().unwrap()
    else {
        panic!("an analysis is about a trial")
    };
    assert_eq!((trial_id.as_str(), given), (first.as_str(), Some(1.0)));
    assert_eq!(scene.trial(&first, "analysis_status").await.as_deref(), Some("running"));

    scene.begin(&trial).await.unwrap();
    attempts::record(&scene.db, trial.attempt.token, &reward(0.0), &RULES, NOW).await.unwrap();
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Analyzing);
    assert_eq!(record(&scene, &analysis, Ok(json!({"classification": "GOOD_SUCCESS"}))).await, Recorded::Ended);
    assert_eq!(record(&scene, &analysis, Ok(json!({}))).await, Recorded::Stale, "once");
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Analyzing);

    // One that fails for good leaves its task no worse off than without it.
    let (second, _) = begin_judging(&scene, JobKind::Analysis).await;
    assert_eq!(record(&scene, &second, Err("TaskArchiveMissing")).await, Recorded::Ended);
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::VerdictPending);
    let (verdict, subject) = begin_judging(&scene, JobKind::Verdict).await;
    let judged = Subject::Task { task_id: task_id.clone(), analyses: vec![json!({"classification": "GOOD_SUCCESS"})] };
    assert_eq!(subject, judged);
    assert_eq!(record(&scene, &verdict, Ok(json!({"is_good": true}))).await, Recorded::Ended);

    let task = tasks::get(&scene.db, &task_id, Counted::Newest).await.unwrap().unwrap();
    assert_eq!((task.status, task.verdict_status), (TaskStatus::Completed, Some(TrialStatus::Success)));
    assert_eq!(task.verdict, Some(json!({"is_good": true})));
    let of_task = trials::list_of_tasks(&scene.db, &[OfTask { task_id, version: None }], None).await.unwrap();
    assert_eq!(of_task[0].analysis, Some(json!({"classification": "GOOD_SUCCESS"})));
    assert_eq!(of_task[1].analysis_status, Some(TrialStatus::Failed));
    assert_eq!(of_task[1].analysis_error.as_deref(), Some("TaskArchiveMissing: it went wrong"));
    scene.assert_consistent().await;
    assert!(scene.claim(10).await.is_empty());
}

/// A trial whose model also judges runs, and both keep to the one limit.
#[with_database]
async fn trials_and_judgements_of_one_model_share_its_slots(db: Db) {
    let scene = Scene::new(db).limit("a/one", 1).await;
    let task_id = judged_by(&scene, 2, ("a/one", "a/one")).await;
    let mut kinds = Vec::new();
    while let Some(claim) = scene.claim(10).await.pop() {
        assert!(scene.claim(10).await.is_empty(), "one slot, whatever holds it");
        kinds.push(claim.attempt.kind.as_str());
        if claim.attempt.kind == JobKind::Trial {
            scene.begin(&claim).await.unwrap();
            attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
        } else {
            judging::begin(&scene.db, claim.attempt.token, &process(), NOW).await.unwrap().unwrap();
            record(&scene, &claim, Ok(json!({}))).await;
        }
    }
    assert_eq!(kinds, ["trial", "trial", "analysis", "analysis", "verdict"]);
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Completed);
}

/// Both have ended their own part and wait for the task's row: neither has seen the other's end.
async fn at_once<T: Send + 'static>(scene: &Scene, ends: Vec<tokio::task::JoinHandle<T>>, lock: Tx) {
    scene.until_waiting_for_locks(i64::try_from(ends.len()).unwrap()).await;
    lock.commit().await.unwrap();
    for end in ends {
        end.await.unwrap();
    }
}

async fn lock_task(scene: &Scene) -> Tx {
    let mut held = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.tasks for update").execute(&mut held).await.unwrap();
    held
}

#[with_database]
async fn of_two_analyses_that_end_at_once_the_second_queues_the_verdict(db: Db) {
    let scene = Scene::new(db);
    let task_id = judged_task(&scene, 2).await;
    let claims = [scene.begun().await, scene.begun().await];
    let held = lock_task(&scene).await;
    let ends = claims.map(|claim| {
        let db = scene.db.clone();
        tokio::spawn(
            async move { attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap() },
        )
    });
    at_once(&scene, ends.into(), held).await;
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Analyzing);
    assert_eq!(scene.count("select count(*) from oddish.jobs where kind = 'analysis'").await, 2);

    let analyses = [begin_judging(&scene, JobKind::Analysis).await.0, begin_judging(&scene, JobKind::Analysis).await.0];
    let held = lock_task(&scene).await;
    let ends = analyses.map(|claim| {
        let db = scene.db.clone();
        tokio::spawn(
            async move { judging::record(&db, claim.attempt.token, &Ok(json!({})), &RULES, NOW).await.unwrap() },
        )
    });
    at_once(&scene, ends.into(), held).await;
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::VerdictPending);
    assert_eq!(scene.count("select count(*) from oddish.jobs").await, 1);
    begin_judging(&scene, JobKind::Verdict).await;
}

#[with_database]
async fn a_judgement_whose_maker_dies_is_made_again_and_given_up_at_last(db: Db) {
    let scene = Scene::new(db);
    let task_id = judged_task(&scene, 1).await;
    run_trial(&scene).await;
    let mut now = NOW;
    let tries = loop {
        now += Duration::HOUR * 2;
        let claim = queue::claim(&scene.db, 1, now).await.unwrap().pop().unwrap();
        judging::begin(&scene.db, claim.attempt.token, &process(), now).await.unwrap().unwrap();
        now += LEASE + Duration::SECOND;
        assert_eq!(leases::suspect(&scene.db, now).await.unwrap(), 1);
        now += leases::SUSPICION;
        let dead = leases::dead(&scene.db, now).await.unwrap().remove(0);
        assert_eq!((dead.attempt.kind, dead.attempt.token), (JobKind::Analysis, claim.attempt.token));
        match attempts::reap(&scene.db, dead.attempt.token, "it is gone", &RULES, now).await.unwrap() {
            AfterLoss::Retried => assert_eq!(stage(&scene, &task_id).await, TaskStatus::Analyzing),
            AfterLoss::Failed => break claim.attempt.number,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tries, 8, "the tries of losses");
    let task = tasks::get(&scene.db, &task_id, Counted::Newest).await.unwrap().unwrap();
    assert_eq!((task.status, task.verdict_status), (TaskStatus::Completed, Some(TrialStatus::Failed)));
    assert!(task.verdict_error.unwrap().contains("No trial of this task has an analysis"));
    scene.assert_consistent().await;
}

#[with_database]
async fn a_failed_judgement_is_made_again_as_its_cause_allows(db: Db) {
    let scene = Scene::new(db);
    let task_id = judged_task(&scene, 1).await;
    run_trial(&scene).await;
    let (claim, _) = begin_judging(&scene, JobKind::Analysis).await;
    let Recorded::Retried { at } = record(&scene, &claim, Err("RateLimitError")).await else {
        panic!("a rate limit passes")
    };
    assert!(scene.claim(1).await.is_empty(), "it waits");
    let again = queue::claim(&scene.db, 1, at).await.unwrap().pop().unwrap();
    assert_eq!((again.attempt.subject, again.attempt.number), (claim.attempt.subject, 2));
    let given_back = attempts::give_back(&scene.db, again.attempt.token, "no room", NOW).await.unwrap();
    assert_eq!(given_back, Fenced::Accepted);
    analyse(&scene, "GOOD_SUCCESS").await;
    let (verdict, _) = begin_judging(&scene, JobKind::Verdict).await;
    attempts::interrupt(&scene.db, verdict.attempt.token, "told to stop", NOW).await.unwrap();
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::VerdictPending);
    let (verdict, _) = begin_judging(&scene, JobKind::Verdict).await;
    assert_eq!(record(&scene, &verdict, Err("TaskArchiveMissing")).await, Recorded::Ended);
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Completed, "a failed verdict does not hold it up");
}

#[with_database]
async fn cancelling_a_task_ends_its_judging(db: Db) {
    let scene = Scene::new(db);
    for verdict_too in [false, true] {
        let task_id = judged_task(&scene, 2).await;
        let trials = run_trials(&scene, 2).await;
        let (running, _) = begin_judging(&scene, JobKind::Analysis).await;
        let token = if verdict_too {
            record(&scene, &running, Ok(json!({}))).await;
            analyse(&scene, "GOOD_SUCCESS").await;
            begin_judging(&scene, JobKind::Verdict).await.0.attempt.token
        } else {
            running.attempt.token
        };
        cancelling::cancel(&scene.db, &trials, std::slice::from_ref(&task_id), NOW).await.unwrap();
        assert_eq!(attempts::standing(&scene.db, token).await.unwrap(), Standing::Stale);
        let late = judging::record(&scene.db, token, &Ok(json!({})), &RULES, NOW).await.unwrap();
        assert_eq!(late, Recorded::Stale);
        assert_eq!(stage(&scene, &task_id).await, TaskStatus::Failed);
        let expected = if verdict_too { "success" } else { "failed" };
        assert_eq!(scene.trial(&trials[0], "analysis_status").await.as_deref(), Some(expected));
        assert_eq!(scene.trial(&trials[0], "status").await.as_deref(), Some("success"), "it was over");
        assert!(scene.claim(10).await.is_empty());
        scene.assert_consistent().await;
    }
}

#[with_database]
async fn a_cancelled_trial_is_not_analysed(db: Db) {
    let scene = Scene::new(db);
    let task_id = judged_task(&scene, 2).await;
    run_trial(&scene).await;
    let other = format!("{task_id}-1");
    cancelling::cancel(&scene.db, std::slice::from_ref(&other), &[], NOW).await.unwrap();
    assert_eq!(scene.trial(&other, "analysis_status").await, None);
    analyse(&scene, "GOOD_SUCCESS").await;
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::VerdictPending);
}

#[with_database]
async fn a_trial_that_is_run_again_is_analysed_and_judged_again(db: Db) {
    let scene = Scene::new(db);
    let task_id = judged_task(&scene, 1).await;
    let trial_id = run_trial(&scene).await;
    analyse(&scene, "BAD_SUCCESS").await;
    let (stale, _) = begin_judging(&scene, JobKind::Verdict).await;
    retrying::retry(&scene.db, std::slice::from_ref(&trial_id), NOW).await.unwrap();
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Running);
    assert_eq!(record(&scene, &stale, Ok(json!({"is_good": false}))).await, Recorded::Stale);
    assert_eq!(scene.trial(&trial_id, "analysis").await, None);
    run_trial(&scene).await;
    let (stale, _) = begin_judging(&scene, JobKind::Analysis).await;
    assert_eq!(stale.attempt.number, 2);
    retrying::retry(&scene.db, std::slice::from_ref(&trial_id), NOW).await.unwrap();
    assert_eq!(record(&scene, &stale, Ok(json!({"classification": "OLD"}))).await, Recorded::Stale);
    run_trial(&scene).await;
    analyse(&scene, "GOOD_SUCCESS").await;
    let (verdict, _) = begin_judging(&scene, JobKind::Verdict).await;
    assert_eq!(verdict.attempt.number, 2);
    record(&scene, &verdict, Ok(json!({"is_good": true}))).await;
    let task = tasks::get(&scene.db, &task_id, Counted::Newest).await.unwrap().unwrap();
    assert_eq!((task.status, task.verdict), (TaskStatus::Completed, Some(json!({"is_good": true}))));
    assert_eq!(scene.count("select count(*) from oddish.attempts where ended_at is null").await, 0);
    scene.assert_consistent().await;
}

/// The task was cancelled while one of its trials ran. That was paid for, and its result is kept; nobody judges it.
#[with_database]
async fn a_cancelled_task_ends_when_the_last_of_its_trials_has(db: Db) {
    let scene = Scene::new(db);
    let task_id = judged_task(&scene, 1).await;
    let claim = scene.begun().await;
    let trials = std::slice::from_ref(&claim.attempt.subject);
    cancelling::cancel(&scene.db, trials, std::slice::from_ref(&task_id), NOW).await.unwrap();
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(stage(&scene, &task_id).await, TaskStatus::Failed);
    assert_eq!(scene.count("select count(*) from oddish.jobs").await, 0);
}

/// A dispatcher has claimed a verdict and not committed when it is withdrawn.
#[with_database]
async fn a_verdict_that_is_being_claimed_is_withdrawn_with_its_attempt(db: Db) {
    let scene = Scene::new(db);
    judged_task(&scene, 1).await;
    let trial_id = run_trial(&scene).await;
    analyse(&scene, "good").await;
    let mut claiming = scene.db.begin().await.unwrap();
    sqlx::query("select * from oddish.claim_jobs(1, $1)").bind(NOW).execute(&mut claiming).await.unwrap();
    let retrying = tokio::spawn({
        let db = scene.db.clone();
        async move { retrying::retry(&db, &[trial_id], NOW).await.unwrap() }
    });
    scene.until_waiting_for_a_lock().await;
    claiming.commit().await.unwrap();
    assert_eq!(retrying.await.unwrap().queued.len(), 1);
    scene.assert_consistent().await;
}

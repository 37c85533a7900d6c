//! Deleting trials, tasks and experiments: what goes, what stays, and who was at work on it.

use std::collections::BTreeSet;
use std::convert::Infallible;

use oddish_db::attempts::{self, Outcome, Standing};
use oddish_db::deleting::{self, Deletion, Target};
use oddish_db::idempotency::Work;
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::judging::{self, JudgingError};
use oddish_db::sweeps::SweepRefused;
use oddish_db::task_files::FileIndex;
use oddish_db::uploads::{self, NewUpload, StoredArchive, ToComplete};
use oddish_db::{Db, leases, queue, queue_keys, retrying, tasks, tasks::Counted};
use oddish_domain::status::TaskStatus;
use oddish_test_support::scene::{NOW, RULES, Scene, process, reward, trial_specs};
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinHandle;

async fn delete(scene: &Scene, target: Target<'_>) -> Option<(usize, Vec<String>)> {
    let deletion = deleting::begin(&scene.db, target, NOW).await.unwrap()?;
    let gone = (deletion.trials.len(), deletion.tasks.clone());
    deletion.finish(&[], NOW).await.unwrap();
    Some(gone)
}

/// Deletes beside whatever else happens.
fn deleting(scene: &Scene, target: Target<'static>) -> JoinHandle<Option<(usize, Vec<String>)>> {
    let scene = Scene::new(scene.db.clone());
    tokio::spawn(async move { delete(&scene, target).await })
}

/// A text that lasts as long as a task that is spawned.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

async fn begin(scene: &Scene, target: Target<'_>) -> Deletion {
    deleting::begin(&scene.db, target, NOW).await.unwrap().unwrap()
}

async fn keep(deletion: Deletion) {
    deletion.finish(&[], NOW).await.unwrap();
}

async fn assert_nothing_is_left(scene: &Scene) {
    for table in ["trials", "jobs", "attempts", "trial_tallies", "uploads"] {
        let sql = format!("select count(*) from oddish.{table}");
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&scene.db).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[with_database]
async fn a_deleted_task_takes_its_trials_along_and_leaves_its_slots(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    let task_id = scene.task(4, "a/one").await;
    let over = scene.begun().await;
    attempts::record(&scene.db, over.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    let running = scene.begun().await;
    let claimed = scene.claim_one().await;
    let other = scene.task(2, "a/one").await;
    assert!(scene.claim(10).await.is_empty(), "no slot is free");

    assert_eq!(delete(&scene, Target::Task(&task_id)).await, Some((4, vec![task_id.clone()])));
    assert!(tasks::get(&scene.db, &task_id, Counted::All).await.unwrap().is_none());
    assert_eq!(
        attempts::standing(&scene.db, running.attempt.token).await.unwrap(),
        Standing::Stale,
        "so its runner stops"
    );
    assert_eq!(leases::renew(&scene.db, running.attempt.token, NOW).await.unwrap(), Fenced::Stale);
    let recorded = attempts::record(&scene.db, running.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(recorded, Recorded::Stale);
    assert!(scene.begin(&claimed).await.is_none());
    let next = scene.claim(10).await;
    assert!(next.len() == 2 && next.iter().all(|claim| claim.attempt.subject.starts_with(&other)), "{next:?}");
    assert_eq!(scene.count("select count(*) from oddish.attempts").await, 2, "its history is gone");
    scene.assert_consistent().await;
    assert_eq!(delete(&scene, Target::Task(&task_id)).await, None);
    assert_eq!(delete(&scene, Target::Task("nowhere")).await, None);
}

#[with_database]
async fn a_task_whose_last_open_trial_is_deleted_has_ended(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(3, "a/one").await;
    for _ in 0..2 {
        let claim = scene.begun().await;
        attempts::record(&scene.db, claim.attempt.token, &reward(0.5), &RULES, NOW).await.unwrap();
    }
    let last = scene.begun().await;
    assert_eq!(delete(&scene, Target::Trial(&last.attempt.subject)).await, Some((1, vec![])));
    let task = tasks::get(&scene.db, &task_id, Counted::All).await.unwrap().unwrap();
    assert_eq!((task.status, task.tally.total, task.tally.rewarded), (TaskStatus::Completed, 2, 2));
    assert_eq!(delete(&scene, Target::Trial(&last.attempt.subject)).await, None);
    assert_eq!(delete(&scene, Target::Trial(&format!("{task_id}-0"))).await, Some((1, vec![])));
    let task = tasks::get(&scene.db, &task_id, Counted::All).await.unwrap().unwrap();
    assert_eq!((task.status, task.tally.total, task.tally.reward_sum), (TaskStatus::Completed, 1, 0.5));
    scene.assert_consistent().await;
    // What is added is numbered on, and is no deleted trial over again.
    scene.append(&task_id, None, &trial_specs(1, "a/one")).await.unwrap();
    assert_eq!(scene.claim_one().await.attempt.subject, format!("{task_id}-2"));
}

/// Three tasks: one of the experiment alone, one that has trials elsewhere too, and one of elsewhere with a trial in it.
#[with_database]
async fn an_experiment_takes_what_is_its_own(db: Db) {
    let scene = Scene::new(db);
    let two = trial_specs(2, "a/one");
    let [own, both, foreign] = [scene.upload().await, scene.upload().await, scene.upload().await];
    let here = scene.sweep(&own, Some("here"), &two).await.unwrap().experiment.id;
    scene.sweep(&both, Some("here"), &two).await.unwrap();
    let there = scene.append(&both, Some("there"), &two).await.unwrap().experiment.id;
    scene.sweep(&foreign, Some("there"), &two).await.unwrap();
    scene.append(&foreign, Some("here"), &two).await.unwrap();

    assert_eq!(delete(&scene, Target::Experiment(&here)).await, Some((6, vec![own.clone()])));
    let left: Vec<(String, String)> =
        sqlx::query_as("select distinct task_id, experiment_id from oddish.trials").fetch_all(&scene.db).await.unwrap();
    let expected: BTreeSet<_> = [&both, &foreign].map(|task| (task.clone(), there.clone())).into();
    assert_eq!(left.into_iter().collect::<BTreeSet<_>>(), expected);
    for (task, trials) in [(&both, 2), (&foreign, 2)] {
        let task = tasks::get(&scene.db, task, Counted::All).await.unwrap().unwrap();
        assert_eq!((task.experiment_id.as_deref(), task.tally.total), (Some(&*there), trials));
    }
    assert_eq!(scene.count("select count(*) from oddish.experiments").await, 1);
    scene.assert_consistent().await;
    assert_eq!(delete(&scene, Target::Experiment(&here)).await, None);
    assert_eq!(delete(&scene, Target::Experiment(&there)).await.map(|gone| gone.0), Some(4));
    assert_nothing_is_left(&scene).await;
}

#[with_database]
async fn a_verdict_on_a_deleted_trial_is_taken_back(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.upload().await;
    scene.judged_sweep(&task_id, &trial_specs(3, "a/one"), ("judge/analysis", "judge/verdict")).await;
    for _ in 0..3 {
        let claim = scene.claim(10).await.into_iter().find(|claim| claim.attempt.kind.as_str() == "trial").unwrap();
        scene.begin(&claim).await.unwrap();
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
        scene.give_back_all().await;
    }
    let judge = async |judged: Value| {
        let claim = scene.claim_one().await;
        judging::begin(&scene.db, claim.attempt.token, &process(), NOW).await.unwrap().unwrap();
        judging::record(&scene.db, claim.attempt.token, &Ok::<_, JudgingError>(judged), &RULES, NOW).await.unwrap();
    };
    for _ in 0..3 {
        judge(json!({"classification": "GOOD_SUCCESS"})).await;
    }
    let stale = scene.claim_one().await;
    judging::begin(&scene.db, stale.attempt.token, &process(), NOW).await.unwrap().unwrap();
    assert_eq!(scene.task_status(&task_id).await, "verdict_pending");

    delete(&scene, Target::Trial(&format!("{task_id}-0"))).await.unwrap();
    let recorded =
        judging::record(&scene.db, stale.attempt.token, &Ok(json!({"is_good": false})), &RULES, NOW).await.unwrap();
    assert_eq!(recorded, Recorded::Stale, "it was on three trials");
    assert_eq!(scene.task_status(&task_id).await, "verdict_pending", "one on the others is made at once");
    scene.assert_consistent().await;
    judge(json!({"is_good": true})).await;
    let task = tasks::get(&scene.db, &task_id, Counted::All).await.unwrap().unwrap();
    assert_eq!((task.status, task.verdict), (TaskStatus::Completed, Some(json!({"is_good": true}))));

    delete(&scene, Target::Trial(&format!("{task_id}-1"))).await.unwrap();
    let task = tasks::get(&scene.db, &task_id, Counted::All).await.unwrap().unwrap();
    assert_eq!((task.status, task.verdict, task.verdict_status), (TaskStatus::Completed, None, None));
    assert!(task.finished_at.is_some() && scene.claim(10).await.is_empty(), "whoever wants a new one asks for it");
    scene.assert_consistent().await;
}

/// The trial that tries whether an account serves again is deleted: another one tries.
#[with_database]
async fn a_deleted_probe_is_followed_by_another(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await;
    scene.task(9, "a/one").await;
    for _ in 0..3 {
        let claim = scene.begun().await;
        let outcome = Outcome { error_type: Some("ApiUsageLimitError".to_owned()), ..Outcome::default() };
        attempts::record(&scene.db, claim.attempt.token, &outcome, &RULES, NOW).await.unwrap();
    }
    let due = async || queue_keys::list(&scene.db, Some("a/one")).await.unwrap().remove(0).probe_at.unwrap();
    let first = due().await;
    let probe = queue::claim(&scene.db, 10, first).await.unwrap().remove(0);
    let deletion = deleting::begin(&scene.db, Target::Trial(&probe.attempt.subject), first).await.unwrap().unwrap();
    keep(deletion).await;
    assert!(due().await > first);
    assert_eq!(queue::claim(&scene.db, 10, due().await).await.unwrap().len(), 1);
}

/// The runner has locked its job and gone as far as the task's row, which somebody holds.
#[with_database]
async fn a_deletion_waits_for_who_is_recording(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(2, "a/one").await;
    let claim = scene.begun().await;
    let mut held = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.tasks for update").execute(&mut held).await.unwrap();
    let recording = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap() }
    });
    scene.until_waiting_for_locks(1).await;
    let deletion = deleting(&scene, Target::Task(kept(&task_id)));
    scene.until_waiting_for_locks(2).await;
    held.rollback().await.unwrap();
    assert_eq!(recording.await.unwrap(), Recorded::Ended);
    assert_eq!(deletion.await.unwrap().map(|gone| gone.0), Some(2));
    assert_nothing_is_left(&scene).await;
}

/// The deletion has everything and is not kept yet: whoever comes now waits, and then finds nothing.
#[with_database]
async fn whoever_comes_during_a_deletion_finds_nothing_after_it(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(2, "a/one").await;
    let claim = scene.begun().await;
    let deletion = begin(&scene, Target::Task(&task_id)).await;
    assert!(scene.claim(10).await.is_empty(), "a dispatcher passes its jobs over");
    let recording = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap() }
    });
    let appending = tokio::spawn({
        let (scene, task_id) = (Scene::new(scene.db.clone()), task_id.clone());
        async move { scene.append(&task_id, None, &trial_specs(1, "a/one")).await }
    });
    let again = deleting(&scene, Target::Task(kept(&task_id)));
    scene.until_waiting_for_locks(3).await;
    keep(deletion).await;
    assert_eq!(recording.await.unwrap(), Recorded::Stale);
    assert!(matches!(appending.await.unwrap(), Err(SweepRefused::TaskNotFound)));
    assert_eq!(again.await.unwrap(), None, "it was deleted once");
    assert_nothing_is_left(&scene).await;
}

/// The sweep was first, and has not committed: its trials go too.
#[with_database]
async fn trials_that_are_added_during_a_deletion_go_too(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(2, "a/one").await;
    let experiment: String =
        sqlx::query_scalar("select id from oddish.experiments").fetch_one(&scene.db).await.unwrap();
    for target in [Target::Task(kept(&task_id)), Target::Experiment(kept(&experiment))] {
        let mut work = Work::begin(&scene.db).await.unwrap();
        scene.append_within(&mut work, &task_id, &trial_specs(3, "a/one")).await;
        let deletion = deleting(&scene, target);
        scene.until_waiting_for_a_lock().await;
        work.finish(&Value::Null).await.unwrap();
        assert_eq!(deletion.await.unwrap(), Some((5, vec![task_id.clone()])), "{target:?}");
        assert_nothing_is_left(&scene).await;
        // The same again for the other target.
        if matches!(target, Target::Task(_)) {
            scene.upload_as(&task_id).await;
            scene.sweep(&task_id, Some(&experiment), &trial_specs(2, "a/one")).await.unwrap();
        }
    }
}

/// A sweep names the experiment that is going: its trials get a new one of that name.
#[with_database]
async fn a_sweep_into_an_experiment_that_goes_makes_another(db: Db) {
    let scene = Scene::new(db);
    let [gone, comes] = [scene.upload().await, scene.upload().await];
    let first = scene.sweep(&gone, Some("night"), &trial_specs(1, "a/one")).await.unwrap().experiment.id;
    let deletion = begin(&scene, Target::Experiment(&first)).await;
    let sweeping = tokio::spawn({
        let (scene, task_id) = (Scene::new(scene.db.clone()), comes.clone());
        async move { scene.sweep(&task_id, Some("night"), &trial_specs(1, "a/one")).await.unwrap().experiment }
    });
    scene.until_waiting_for_a_lock().await;
    keep(deletion).await;
    let second = sweeping.await.unwrap();
    assert_eq!(second.name, "night");
    assert_ne!(second.id, first);
    scene.assert_consistent().await;
}

/// A dispatcher has claimed and not committed.
#[with_database]
async fn a_claim_that_comes_before_a_deletion_goes_with_it(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(3, "a/one").await;
    let mut claiming = scene.db.begin().await.unwrap();
    sqlx::query("select * from oddish.claim_jobs(2, $1)").bind(NOW).execute(&mut claiming).await.unwrap();
    let deletion = deleting(&scene, Target::Task(kept(&task_id)));
    scene.until_waiting_for_a_lock().await;
    claiming.commit().await.unwrap();
    assert_eq!(deletion.await.unwrap().map(|gone| gone.0), Some(3));
    assert_nothing_is_left(&scene).await;
}

/// A user's retry has the trial and not committed when the deletion comes: the job that the retry makes goes too.
#[with_database]
async fn a_job_that_is_queued_during_a_deletion_goes_too(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    let mut retry = Work::begin(&scene.db).await.unwrap();
    let selection = oddish_db::trial_selection::Selection::all(oddish_db::trial_selection::Scope::Trial(
        claim.attempt.subject.clone(),
    ));
    retrying::retry_within(&mut retry, &selection, NOW).await.unwrap();
    let deletion = deleting(&scene, Target::Trial(kept(&claim.attempt.subject)));
    scene.until_waiting_for_a_lock().await;
    retry.finish(&Value::Null).await.unwrap();
    assert_eq!(deletion.await.unwrap(), Some((1, vec![])));
    assert_nothing_is_left(&scene).await;
    assert_eq!(scene.task_status(&task_id).await, "completed");
}

/// An archive is being stored when its task is deleted: the deletion waits for it, and takes it along.
#[with_database]
async fn an_upload_that_is_being_completed_comes_before_the_deletion_or_not_at_all(db: Db) {
    let scene = Scene::new(db);
    let announce = async |content: &str| {
        let content_hash = content.repeat(64);
        let staging_key = format!("staging/{content}/.oddish-task.tar.gz");
        let upload = NewUpload {
            name: "some",
            content_hash: &content_hash,
            archive_sha256: None,
            message: None,
            staging_key: &staging_key,
        };
        uploads::announce(&scene.db, &upload, NOW).await.unwrap()
    };
    let announced = announce("1").await;
    let task_id = kept(&announced.task_id);
    let mut work = Work::begin(&scene.db).await.unwrap();
    let held = uploads::begin_completion(&mut work, task_id, 1).await.unwrap();
    let ToComplete::Held(completion) = held else { panic!("{held:?}") };
    let deletion = deleting(&scene, Target::Task(task_id));
    scene.until_waiting_for_a_lock().await;
    let archive = StoredArchive {
        key: "tasks/some/v1/.oddish-task.tar.gz",
        sha256: &"a".repeat(64),
        bytes: 1,
        files: FileIndex { key: "tasks/some/v1/files.pack", files: &[] },
    };
    completion.version.register(&mut work, &archive, NOW).await.unwrap();
    work.finish(&Value::Null).await.unwrap();
    assert_eq!(deletion.await.unwrap(), Some((0, vec![task_id.to_owned()])));
    assert_eq!(scene.count("select count(*) from oddish.task_versions").await, 0);

    let announced = announce("2").await;
    let deletion = begin(&scene, Target::Task(&announced.task_id)).await;
    assert_eq!(deletion.staging_keys, ["staging/2/.oddish-task.tar.gz"]);
    let completing = tokio::spawn({
        let (db, task_id) = (scene.db.clone(), announced.task_id.clone());
        async move {
            let mut work = Work::begin(&db).await.unwrap();
            uploads::begin_completion(&mut work, &task_id, 1).await.unwrap()
        }
    });
    scene.until_waiting_for_a_lock().await;
    keep(deletion).await;
    assert!(matches!(completing.await.unwrap(), ToComplete::Unknown));
}

#[with_database]
async fn prefixes_are_kept_until_nobody_can_write_under_them(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let prefixes = vec![format!("tasks/{task_id}/"), "staging/one/".to_owned()];
    begin(&scene, Target::Task(&task_id)).await.finish(&prefixes, NOW).await.unwrap();
    let taken = async |after: Duration| {
        let mut taken = deleting::take_prefixes(&scene.db, 10, NOW + after).await.unwrap();
        taken.sort();
        taken
    };
    assert!(taken(Duration::SECOND).await.is_empty(), "whoever deleted it is at it");
    let both = ["staging/one/".to_owned(), format!("tasks/{task_id}/")];
    let remove = async |after: Duration| {
        let delete = |_: &str| std::future::ready(Ok::<_, Infallible>(1));
        deleting::remove(&scene.db, &both, NOW + after, delete).await.unwrap();
    };
    assert_eq!(taken(Duration::minutes(3)).await, both);
    assert!(taken(Duration::minutes(3)).await.is_empty(), "one dispatcher at a time");
    assert_eq!(taken(Duration::minutes(6)).await, both, "that one died");
    remove(Duration::minutes(6)).await;
    assert!(taken(Duration::minutes(30)).await.is_empty(), "nothing is there");
    assert_eq!(taken(Duration::minutes(61)).await, both, "a runner may have written since");
    remove(Duration::minutes(61)).await;
    assert!(taken(Duration::DAY).await.is_empty());
    assert_eq!(scene.count("select count(*) from oddish.prefixes_to_delete").await, 0);
}

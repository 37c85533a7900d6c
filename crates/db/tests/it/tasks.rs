//! Tasks: their lists, and their way to the end.

use oddish_db::paging::Page;
use oddish_db::tasks::{self, Counted, TaskFilter};
use oddish_db::{Db, attempts};
use oddish_domain::status::TaskStatus;
use oddish_test_support::scene::{NOW, RULES, Scene, reward, trial_specs};
use oddish_test_support::with_database;

#[with_database]
async fn of_two_trials_that_end_at_once_the_second_completes_the_task(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(2, "a/one").await;
    let claims = [scene.begun().await, scene.begun().await];
    // Both have written their own trial and wait here for the task's row: neither has seen the other's end.
    let mut held = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.tasks for update").execute(&mut held).await.unwrap();
    let recordings = claims.map(|claim| {
        let db = scene.db.clone();
        tokio::spawn(
            async move { attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap() },
        )
    });
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while scene.count(waiting).await < 2 {
        assert!(!recordings.iter().any(tokio::task::JoinHandle::is_finished), "one did not wait for the task's row");
        tokio::task::yield_now().await;
    }
    held.commit().await.unwrap();
    for recording in recordings {
        recording.await.unwrap();
    }
    assert_eq!(scene.task_status(&task_id).await, "completed");
}

#[with_database]
async fn a_task_is_not_completed_while_one_of_its_trials_waits(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(2, "a/one").await;
    let claim = scene.begun().await;
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(scene.task_status(&task_id).await, "running");
}

#[with_database]
async fn a_task_that_was_only_uploaded_is_not_listed(db: Db) {
    let scene = Scene::new(db);
    let uploaded = scene.upload().await;
    let submitted = scene.task(1, "a/one").await;
    let listed = tasks::list(&scene.db, &TaskFilter::default(), &Page::first(10)).await.unwrap().items;
    assert_eq!(listed.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [submitted.as_str()]);
    assert!(tasks::get(&scene.db, &uploaded, Counted::Newest).await.unwrap().is_none());
    let newest = "update oddish.tasks set created_at = created_at + interval '1 hour' where experiment_id is null";
    sqlx::query(newest).execute(&scene.db).await.unwrap();
    assert_eq!(
        tasks::list(&scene.db, &TaskFilter::default(), &Page::first(1)).await.unwrap().items.len(),
        1,
        "it takes no place"
    );
}

#[with_database]
async fn an_experiment_counts_what_it_ran_whatever_is_newest(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.upload().await;
    let ran = scene.sweep(&task_id, Some("mine"), &trial_specs(2, "a/one")).await.unwrap();
    scene.next_version(&task_id).await;
    scene.append(&task_id, Some("mine"), &trial_specs(1, "a/one")).await.unwrap();
    scene.next_version(&task_id).await;
    let elsewhere = scene.append(&task_id, Some("another"), &trial_specs(4, "a/one")).await.unwrap();
    let of_experiment = async |id: &str| {
        let filter = TaskFilter { experiment_id: Some(id.to_owned()), ..TaskFilter::default() };
        let task = tasks::list(&scene.db, &filter, &Page::first(10)).await.unwrap().items.pop().unwrap();
        (task.tally.total, task.counted_version)
    };
    assert_eq!(of_experiment(&ran.experiment.id).await, (3, Some(2)), "of two versions, the newer is 2");
    assert_eq!(of_experiment(&elsewhere.experiment.id).await, (4, Some(3)));
    let counted = async |counted| tasks::get(&scene.db, &task_id, counted).await.unwrap().unwrap().tally.total;
    assert_eq!(counted(Counted::Newest).await, 4, "the task's own page shows the newest version that ran");
    assert_eq!(counted(Counted::Version(1)).await, 2);
    assert_eq!(counted(Counted::All).await, 7);
}

#[with_database]
async fn counts_and_filters(db: Db) {
    let scene = Scene::new(db);
    let done = scene.task(2, "a/one").await;
    for value in [1.0, 0.25] {
        let claim = scene.begun().await;
        attempts::record(&scene.db, claim.attempt.token, &reward(value), &RULES, NOW).await.unwrap();
    }
    let waiting = scene.task(1, "a/one").await;
    let list = async |filter: TaskFilter| -> Vec<String> {
        let tasks = tasks::list(&scene.db, &filter, &Page::first(10)).await.unwrap().items;
        tasks.into_iter().map(|task| task.id).collect()
    };
    let by_status = |status| TaskFilter { status: Some(status), ..TaskFilter::default() };
    assert_eq!(list(by_status(TaskStatus::Completed)).await, [done.as_str()]);
    assert_eq!(list(by_status(TaskStatus::Pending)).await, [waiting.as_str()]);
    let task = tasks::get(&scene.db, &done, Counted::Newest).await.unwrap().unwrap();
    assert_eq!((task.tally.total, task.tally.succeeded, task.tally.failed), (2, 2, 0));
    assert_eq!((task.tally.reward_ones, task.tally.rewarded), (1, 2));
    assert!((task.tally.reward_sum - 1.25).abs() < 1e-9);
    let of_experiment = TaskFilter { experiment_id: task.experiment_id, ..TaskFilter::default() };
    assert_eq!(list(of_experiment).await, [done.as_str()]);
    let of_nobody = TaskFilter { submitted_by: Some("nobody".to_owned()), ..TaskFilter::default() };
    assert!(list(of_nobody).await.is_empty());
    assert_eq!(
        tasks::list(&scene.db, &TaskFilter::default(), &Page { offset: 1, ..Page::first(1) })
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

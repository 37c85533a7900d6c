//! Sweeps.

use std::sync::Arc;

use oddish_db::paging::Page;
use oddish_db::sweeps::SweepRefused;
use oddish_db::tasks::{self, TaskFilter};
use oddish_db::{Db, attempts};
use oddish_test_support::scene::{NOW, RULES, Scene, reward, trial_specs};
use oddish_test_support::with_database;

#[with_database]
async fn a_sweep_is_all_or_nothing(db: Db) {
    let scene = Scene::new(db);
    let refused = scene.sweep("nowhere-00000000", None, &trial_specs(1, "a/one")).await;
    assert!(matches!(refused, Err(SweepRefused::TaskNotFound)));
    let task_id = scene.upload().await;
    // The second trial has the first one's index.
    let mut trials = trial_specs(2, "a/one");
    trials[1].index = 0;
    assert!(matches!(scene.sweep(&task_id, None, &trials).await, Err(SweepRefused::Db(_))));
    for table in [
        "select count(*) from oddish.trials",
        "select count(*) from oddish.experiments",
        "select count(*) from oddish.slots",
    ] {
        assert_eq!(scene.count(table).await, 0, "{table}");
    }
}

#[with_database]
async fn of_two_sweeps_on_one_upload_one_is_refused(db: Db) {
    let scene = Arc::new(Scene::new(db));
    let task_id = scene.upload().await;
    let sweep = async || scene.sweep(&task_id, None, &trial_specs(3, "a/one")).await;
    let outcomes = tokio::join!(sweep(), sweep());
    let refusals =
        [outcomes.0, outcomes.1].into_iter().filter(|outcome| matches!(outcome, Err(SweepRefused::AlreadySubmitted)));
    assert_eq!(refusals.count(), 1);
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 3);
    assert_eq!(scene.count("select count(*) from oddish.jobs").await, 3);
}

#[with_database]
async fn sweeps_that_name_the_same_new_experiment_share_it(db: Db) {
    let scene = Arc::new(Scene::new(db));
    let mut sweeps = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let scene = Arc::clone(&scene);
        sweeps.spawn(async move {
            let task_id = scene.upload().await;
            scene.sweep(&task_id, Some("nightly 🌙"), &trial_specs(1, "a/one")).await.unwrap().experiment
        });
    }
    let experiments = sweeps.join_all().await;
    assert!(experiments.iter().all(|experiment| *experiment == experiments[0]), "{experiments:?}");
    assert_eq!(scene.count("select count(*) from oddish.experiments").await, 1);
    let task_id = scene.upload().await;
    let by_id = scene.sweep(&task_id, Some(&experiments[0].id), &trial_specs(1, "a/one")).await.unwrap();
    assert_eq!(by_id.experiment, experiments[0]);
}

#[with_database]
async fn appended_trials_are_numbered_on_and_reopen_the_task(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert_eq!(scene.task_status(&task_id).await, "completed");
    let appended = scene.append(&task_id, Some("another"), &trial_specs(2, "b/two")).await.unwrap();
    assert_eq!(appended.experiment.name, "another");
    assert_eq!(scene.task_status(&task_id).await, "running");
    let ids: Vec<String> =
        sqlx::query_scalar("select id from oddish.trials order by trial_index").fetch_all(&scene.db).await.unwrap();
    assert_eq!(ids, [0, 1, 2].map(|index| format!("{task_id}-{index}")));
    let of_another = TaskFilter { experiment_id: Some(appended.experiment.id), ..TaskFilter::default() };
    assert_eq!(
        tasks::list(&scene.db, &of_another, &Page::first(10)).await.unwrap().items.len(),
        1,
        "a trial of it is enough"
    );
    scene.assert_consistent().await;
}

#[with_database]
async fn a_sweep_runs_the_version_that_it_names(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.upload().await;
    assert_eq!(scene.next_version(&task_id).await, 2);
    let first = scene.append_on(&task_id, 1, &trial_specs(2, "a/one")).await.unwrap();
    assert_eq!((first.version, first.first_index), (1, 0));
    let newest = scene.append(&task_id, None, &trial_specs(1, "a/one")).await.unwrap();
    assert_eq!((newest.version, newest.first_index), (2, 2), "without a name it is the newest");
    let again = scene.append_on(&task_id, 1, &trial_specs(1, "a/one")).await.unwrap();
    assert_eq!((again.version, again.first_index), (1, 3));
    let versions: Vec<i32> = sqlx::query_scalar("select task_version from oddish.trials order by trial_index")
        .fetch_all(&scene.db)
        .await
        .unwrap();
    assert_eq!(versions, [1, 1, 2, 1]);
    for absent in [0, 3] {
        let refused = scene.append_on(&task_id, absent, &trial_specs(1, "a/one")).await;
        assert!(matches!(refused, Err(SweepRefused::VersionNotFound { version }) if version == absent));
    }
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 4);
    scene.assert_consistent().await;
}

#[with_database]
async fn appends_at_the_same_time_never_share_a_number(db: Db) {
    let scene = Arc::new(Scene::new(db));
    let task_id = scene.task(1, "a/one").await;
    let mut appends = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (scene, task_id) = (Arc::clone(&scene), task_id.clone());
        appends.spawn(async move { scene.append(&task_id, None, &trial_specs(3, "a/one")).await.unwrap() });
    }
    appends.join_all().await;
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 25);
    assert_eq!(scene.count("select max(trial_index)::bigint from oddish.trials").await, 24);
}

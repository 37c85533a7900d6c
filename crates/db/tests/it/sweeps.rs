//! Sweeps.

use std::sync::Arc;

use oddish_db::PgPool;
use oddish_db::sweeps::SweepRefused;

use crate::scene::{Scene, trial_specs};

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_sweep_is_all_or_nothing(pool: PgPool) {
    let scene = Scene::new(pool);
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

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn of_two_sweeps_on_one_upload_one_is_refused(pool: PgPool) {
    let scene = Arc::new(Scene::new(pool));
    let task_id = scene.upload().await;
    let sweep = async || scene.sweep(&task_id, None, &trial_specs(3, "a/one")).await;
    let outcomes = tokio::join!(sweep(), sweep());
    let refusals =
        [outcomes.0, outcomes.1].into_iter().filter(|outcome| matches!(outcome, Err(SweepRefused::AlreadySubmitted)));
    assert_eq!(refusals.count(), 1);
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 3);
    assert_eq!(scene.count("select count(*) from oddish.jobs").await, 3);
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn sweeps_that_name_the_same_new_experiment_share_it(pool: PgPool) {
    let scene = Arc::new(Scene::new(pool));
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

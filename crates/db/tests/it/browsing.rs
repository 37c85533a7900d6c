//! Tasks by name. The query is not checked when it is compiled.

use oddish_db::task_browsing::browse;
use oddish_db::{Db, Tally, attempts};
use oddish_test_support::scene::{NOW, RULES, Scene, reward};
use oddish_test_support::with_database;

#[with_database]
async fn a_name_is_shown_with_what_its_trials_came_to(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(2, "a/one").await;
    let none = browse(&scene.db, Some("SOME"), 10, 0).await.unwrap();
    assert_eq!(none[0].tally, Tally { total: 2, ..Tally::default() });
    let claim = scene.begun().await;
    attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    let [task] = browse(&scene.db, None, 10, 0).await.unwrap().try_into().unwrap();
    assert_eq!((&*task.id, &*task.name, task.current_version, task.version_count), (&*task_id, "some task", 1, 1));
    let tally =
        Tally { total: 2, succeeded: 1, failed: 0, rewarded: 1, reward_ones: 1, reward_sum: 1.0, unconfirmed: 0 };
    assert_eq!((task.tally, task.tally.active(), task.last_run_at), (tally, 1, Some(NOW)));
    assert_eq!(task.latest_trials.as_array().map(Vec::len), Some(2));
    assert_eq!(task.experiments.as_array().map(Vec::len), Some(1));
    assert!(browse(&scene.db, Some("another"), 10, 0).await.unwrap().is_empty());
    // A newer version that was never run has sums of nothing, and no time.
    let newer = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select task_id, 2, archive_key, archive_sha256, archive_bytes, content_hash, created_at from oddish.task_versions";
    sqlx::query(newer).execute(&scene.db).await.unwrap();
    let [task] = browse(&scene.db, None, 10, 0).await.unwrap().try_into().unwrap();
    assert_eq!((task.current_version, task.tally, task.last_run_at), (2, Tally::default(), None));
}

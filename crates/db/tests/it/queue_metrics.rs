//! How much waits and runs, and for how long.

use oddish_db::queue_metrics::{self, QueueMetrics};
use oddish_db::{Db, queue_keys};
use oddish_test_support::scene::{NOW, Scene};
use oddish_test_support::with_database;
use time::Duration;

/// `delayed` jobs of the key wait for a try that is two hours away.
async fn delay(scene: &Scene, key: &str, delayed: i64) {
    let sql = "update oddish.jobs set state = 'waiting', due_at = $3
        where id in (select id from oddish.jobs where queue_key = $1 and state = 'ready' order by id limit $2)";
    let due_at = NOW + Duration::hours(2);
    sqlx::query(sql).bind(key).bind(delayed).bind(due_at).execute(&scene.db).await.unwrap();
}

#[with_database]
async fn each_key_with_work_is_measured_and_the_busiest_comes_first(db: Db) {
    let scene = Scene::new(db).limit("a/full", 2).await.limit("a/idle", 8).await;
    scene.task(6, "a/full").await;
    assert_eq!(scene.claim(10).await.len(), 2);
    let scene = scene.limit("a/free", 8).await;
    scene.task(2, "a/free").await;
    delay(&scene, "a/full", 1).await;

    let full = QueueMetrics {
        queue_key: "a/full".to_owned(),
        ready: 3,
        delayed: 1,
        running: 2,
        oldest_ready_seconds: 600.0,
        claimable: false,
    };
    let free = QueueMetrics {
        queue_key: "a/free".to_owned(),
        ready: 2,
        delayed: 0,
        running: 0,
        oldest_ready_seconds: 600.0,
        claimable: true,
    };
    let now = NOW + Duration::minutes(10);
    let measured = queue_metrics::read(&scene.db, now).await.unwrap();
    assert_eq!(measured, [full, free]);
    let claimable: Vec<String> = measured.iter().map(|key| key.oldest_claimable_seconds().to_string()).collect();
    assert_eq!(claimable, ["0", "600"]);

    // A key that somebody paused keeps nobody waiting by mistake.
    queue_keys::pause(&scene.db, "a/free", None, NOW).await.unwrap();
    let measured = queue_metrics::read(&scene.db, now).await.unwrap();
    assert!(measured.iter().all(|key| !key.claimable), "{measured:?}");
    // Whose time has come is ready, though no dispatcher was there to notice.
    let measured = queue_metrics::read(&scene.db, NOW + Duration::hours(3)).await.unwrap();
    assert_eq!((measured[0].ready, measured[0].delayed), (4, 0), "{measured:?}");
}

#[with_database]
async fn nothing_to_do_is_nothing_to_measure(db: Db) {
    let scene = Scene::new(db).limit("a/idle", 8).await;
    scene.task(1, "a/idle").await;
    delay(&scene, "a/idle", 1).await;
    let measured = queue_metrics::read(&scene.db, NOW).await.unwrap();
    assert_eq!((measured.len(), measured[0].oldest_ready_seconds.to_bits()), (1, 0.0_f64.to_bits()), "{measured:?}");
    sqlx::query("delete from oddish.jobs").execute(&scene.db).await.unwrap();
    assert_eq!(queue_metrics::read(&scene.db, NOW).await.unwrap(), []);
}

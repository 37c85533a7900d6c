//! Requests that come twice.

use oddish_db::Db;
use oddish_db::idempotency::{Begun, IdempotencyKey, Work, begin};
use oddish_test_support::scene::{NOW, Scene, trial_specs, until_waiting_for_locks};
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

fn key(name: &str, body: char) -> IdempotencyKey {
    IdempotencyKey { operation: "work".to_owned(), key: name.to_owned(), body_sha256: body.to_string().repeat(64) }
}

async fn fresh(db: &Db, key: &IdempotencyKey, now: OffsetDateTime) -> Work {
    match begin(db, Some(key), now).await.unwrap() {
        Begun::Fresh(work) => work,
        other => panic!("{other:?}"),
    }
}

async fn answered(db: &Db, key: &IdempotencyKey, now: OffsetDateTime) -> Value {
    match begin(db, Some(key), now).await.unwrap() {
        Begun::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[with_database]
async fn a_request_that_comes_again_gets_the_answer_of_the_first(db: Db) {
    fresh(&db, &key("k", 'a'), NOW).await.finish(&json!({"done": 1})).await.unwrap();
    assert_eq!(answered(&db, &key("k", 'a'), NOW).await, json!({"done": 1}));
    assert!(matches!(begin(&db, Some(&key("k", 'b')), NOW).await.unwrap(), Begun::OtherRequest));
}

#[with_database]
async fn of_two_at_the_same_time_the_second_gets_the_firsts_answer(db: Db) {
    let first = fresh(&db, &key("k", 'a'), NOW).await;
    let second = tokio::spawn({
        let db = db.clone();
        async move { answered(&db, &key("k", 'a'), NOW).await }
    });
    let other = tokio::spawn({
        let db = db.clone();
        async move { begin(&db, Some(&key("k", 'b')), NOW).await.unwrap() }
    });
    until_waiting_for_locks(&db, 1).await;
    assert!(!second.is_finished() && !other.is_finished());
    first.finish(&json!({"done": 1})).await.unwrap();
    assert_eq!(second.await.unwrap(), json!({"done": 1}));
    assert!(matches!(other.await.unwrap(), Begun::OtherRequest));
    // Keys are a kind of request's own.
    let elsewhere = IdempotencyKey { operation: "other work".to_owned(), ..key("k", 'b') };
    fresh(&db, &elsewhere, NOW).await.finish(&Value::Null).await.unwrap();
}

/// A process that dies between the work and its answer leaves neither.
#[with_database]
async fn work_that_is_not_finished_leaves_nothing(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.upload().await;
    let trials = trial_specs(2, "a/one");
    let mut work = fresh(&scene.db, &key("k", 'a'), NOW).await;
    scene.append_within(&mut work, &task_id, &trials).await;
    let second = tokio::spawn({
        let db = scene.db.clone();
        async move { fresh(&db, &key("k", 'a'), NOW).await }
    });
    scene.until_waiting_for_a_lock().await;
    drop(work);
    let mut work = second.await.unwrap();
    scene.append_within(&mut work, &task_id, &trials).await;
    work.finish(&json!("created")).await.unwrap();
    assert_eq!(answered(&scene.db, &key("k", 'a'), NOW).await, json!("created"));
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 2);
    scene.assert_consistent().await;
}

#[with_database]
async fn keys_are_forgotten_after_a_day(db: Db) {
    let day = time::Duration::hours(24);
    for number in 0..12 {
        fresh(&db, &key(&number.to_string(), 'a'), NOW).await.finish(&json!(number)).await.unwrap();
    }
    let moment = time::Duration::milliseconds(1);
    assert_eq!(answered(&db, &key("0", 'a'), NOW + day - moment).await, json!(0));
    fresh(&db, &key("0", 'b'), NOW + day).await.finish(&json!("anew")).await.unwrap();
    assert_eq!(answered(&db, &key("0", 'b'), NOW + day).await, json!("anew"));
    let left: i64 = sqlx::query_scalar("select count(*) from oddish.idempotency_keys").fetch_one(&db).await.unwrap();
    assert_eq!(left, 2, "ten of the eleven others went with it");
}

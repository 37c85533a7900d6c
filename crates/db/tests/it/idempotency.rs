//! Requests that come twice.

use std::time::Duration;

use oddish_db::Db;
use oddish_db::idempotency::{Begun, IdempotencyKey, Work, begin};
use oddish_db::sweeps::{self, NewSweep};
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::status::Priority;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::scene::{NOW, Scene, trial_specs};

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

/// Until some other transaction waits for this one's row.
async fn until_somebody_waits(db: &Db) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits = async {
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(db).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits).await.expect("nobody waits");
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
    until_somebody_waits(&db).await;
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
    let sweep = NewSweep {
        task_id: &task_id,
        version: None,
        name: None,
        submitted_by: "someone",
        key_owner: None,
        priority: Priority::Low,
        experiment: None,
        tags: std::collections::BTreeMap::new(),
        append: true,
        trials: &trials,
        max_attempts: 6,
        judges: None,
    };
    let limits = ConcurrencyLimits::default();
    let mut work = fresh(&scene.db, &key("k", 'a'), NOW).await;
    sweeps::create_within(&mut work, &sweep, &limits, NOW).await.unwrap();
    let second = tokio::spawn({
        let db = scene.db.clone();
        async move { fresh(&db, &key("k", 'a'), NOW).await }
    });
    until_somebody_waits(&scene.db).await;
    drop(work);
    let mut work = second.await.unwrap();
    sweeps::create_within(&mut work, &sweep, &limits, NOW).await.unwrap();
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

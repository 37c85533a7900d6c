//! Requests that come twice.

use std::time::Duration;

use oddish_db::PgPool;
use oddish_db::idempotency::{Begun, IdempotencyKey, Work, begin};
use oddish_db::sweeps::{self, NewSweep};
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::status::Priority;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::scene::{NOW, Scene, trial_specs};

fn key(name: &str, body: char) -> IdempotencyKey {
    IdempotencyKey { operation: "work".to_owned(), key: name.to_owned(), body_sha256: body.to_string().repeat(64) }
}

async fn fresh(pool: &PgPool, key: &IdempotencyKey, now: OffsetDateTime) -> Work {
    match begin(pool, Some(key), now).await.unwrap() {
        Begun::Fresh(work) => work,
        other => panic!("{other:?}"),
    }
}

async fn answered(pool: &PgPool, key: &IdempotencyKey, now: OffsetDateTime) -> Value {
    match begin(pool, Some(key), now).await.unwrap() {
        Begun::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// Until some other transaction waits for this one's row.
async fn until_somebody_waits(pool: &PgPool) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits = async {
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits).await.expect("nobody waits");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_request_that_comes_again_gets_the_answer_of_the_first(pool: PgPool) {
    fresh(&pool, &key("k", 'a'), NOW).await.finish(&json!({"done": 1})).await.unwrap();
    assert_eq!(answered(&pool, &key("k", 'a'), NOW).await, json!({"done": 1}));
    assert!(matches!(begin(&pool, Some(&key("k", 'b')), NOW).await.unwrap(), Begun::OtherRequest));
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn of_two_at_the_same_time_the_second_gets_the_firsts_answer(pool: PgPool) {
    let first = fresh(&pool, &key("k", 'a'), NOW).await;
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { answered(&pool, &key("k", 'a'), NOW).await }
    });
    let other = tokio::spawn({
        let pool = pool.clone();
        async move { begin(&pool, Some(&key("k", 'b')), NOW).await.unwrap() }
    });
    until_somebody_waits(&pool).await;
    assert!(!second.is_finished() && !other.is_finished());
    first.finish(&json!({"done": 1})).await.unwrap();
    assert_eq!(second.await.unwrap(), json!({"done": 1}));
    assert!(matches!(other.await.unwrap(), Begun::OtherRequest));
    // Keys are a kind of request's own.
    let elsewhere = IdempotencyKey { operation: "other work".to_owned(), ..key("k", 'b') };
    fresh(&pool, &elsewhere, NOW).await.finish(&Value::Null).await.unwrap();
}

/// A process that dies between the work and its answer leaves neither.
#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn work_that_is_not_finished_leaves_nothing(pool: PgPool) {
    let scene = Scene::new(pool);
    let task_id = scene.upload().await;
    let trials = trial_specs(2, "a/one");
    let sweep = NewSweep {
        task_id: &task_id,
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
    let mut work = fresh(&scene.pool, &key("k", 'a'), NOW).await;
    sweeps::create_within(&mut work, &sweep, &limits, NOW).await.unwrap();
    let second = tokio::spawn({
        let pool = scene.pool.clone();
        async move { fresh(&pool, &key("k", 'a'), NOW).await }
    });
    until_somebody_waits(&scene.pool).await;
    drop(work);
    let mut work = second.await.unwrap();
    sweeps::create_within(&mut work, &sweep, &limits, NOW).await.unwrap();
    work.finish(&json!("created")).await.unwrap();
    assert_eq!(answered(&scene.pool, &key("k", 'a'), NOW).await, json!("created"));
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 2);
    scene.assert_consistent().await;
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn keys_are_forgotten_after_a_day(pool: PgPool) {
    let day = time::Duration::hours(24);
    for number in 0..12 {
        fresh(&pool, &key(&number.to_string(), 'a'), NOW).await.finish(&json!(number)).await.unwrap();
    }
    let moment = time::Duration::milliseconds(1);
    assert_eq!(answered(&pool, &key("0", 'a'), NOW + day - moment).await, json!(0));
    fresh(&pool, &key("0", 'b'), NOW + day).await.finish(&json!("anew")).await.unwrap();
    assert_eq!(answered(&pool, &key("0", 'b'), NOW + day).await, json!("anew"));
    let left: i64 = sqlx::query_scalar("select count(*) from oddish.idempotency_keys").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 2, "ten of the eleven others went with it");
}

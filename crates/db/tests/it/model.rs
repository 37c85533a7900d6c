//! Random operations on the database and on a model of it, which must agree after each of them.

mod operations;
mod protocol;
mod world;

use std::collections::BTreeMap;

use oddish_db::{Db, queue_keys};
use oddish_test_support::scene::NOW;
use oddish_test_support::with_database;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::operations::{Operation, operations};
use self::protocol::{JobView, KeyView, TrialView, View};
use self::world::World;

const KEYS: [&str; 3] = ["a/one", "b/two", "c/three"];
const CASES: u32 = 64;

/// What the model has to say about too, as the database tells it.
async fn view(db: &Db) -> View {
    type Row = (String, String, i32, bool, Option<String>, Option<i32>, Option<i64>, Option<i64>, Option<bool>);
    // A job's time is its deadline to begin, the end of its lease, or when it is due, in milliseconds of the scene.
    let rows: Vec<Row> = sqlx::query_as(
        "select t.id, t.status, t.attempts, t.cancel_requested_at is not null, j.state, j.attempt,
            (extract(epoch from case j.state when 'claimed' then j.begin_by when 'begun' then j.lease_until when 'waiting' then j.due_at
                end - $1) * 1000)::bigint,
            (extract(epoch from j.suspect_since - $1) * 1000)::bigint,
            j.token is not distinct from (select token from oddish.attempts a where a.trial_id = t.id and a.kind = 'trial' and ended_at is null)
        from oddish.trials t left join oddish.jobs j on j.trial_id = t.id and j.kind = 'trial'",
    )
    .bind(NOW)
    .fetch_all(db)
    .await
    .unwrap();
    let trials = rows.into_iter().map(|(id, status, attempts, cancelled, state, number, time, suspect, same_token)| {
        let job = state.map(|state| JobView {
            state,
            number: number.unwrap(),
            time,
            suspect,
            has_open_attempt: same_token.unwrap(),
        });
        (id, TrialView { status, attempts, cancelled, job })
    });
    let tasks: Vec<(String, String)> =
        sqlx::query_as("select id, status from oddish.tasks").fetch_all(db).await.unwrap();
    let keys = queue_keys::list(db, None).await.unwrap().into_iter().map(|key| {
        let view = KeyView { limit: key.concurrency_limit, running: key.running, paused: key.paused_at.is_some() };
        (key.queue_key, view)
    });
    View { trials: trials.collect(), tasks: tasks.into_iter().collect(), keys: keys.collect() }
}

/// Does the operations one after the other to an empty database and to the model.
async fn agree(db: &Db, operations: Vec<Operation>) -> Result<(), TestCaseError> {
    let empty = "truncate oddish.experiments, oddish.queue_keys, oddish.tasks, oddish.attempts cascade";
    sqlx::query(empty).execute(db).await.unwrap();
    let mut world = World::new(db.clone());
    for operation in operations {
        world.apply(operation).await?;
        proptest::prop_assert_eq!(view(db).await, world.model.view(), "after {:?} at {}", operation, world.model.now);
    }
    world.scene.assert_consistent().await;
    Ok(())
}

#[with_database]
async fn the_database_does_what_the_model_does(db: Db) {
    let runtime = tokio::runtime::Handle::current();
    let checking = tokio::task::spawn_blocking(move || {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            // Shrinking runs a case again and again.
            max_shrink_iters: 4000,
            max_shrink_time: 120_000,
            ..Config::default()
        };
        TestRunner::new(config).run(&operations(), |operations| runtime.block_on(agree(&db, operations)))
    });
    if let Err(error) = checking.await.unwrap() {
        panic!("{error}");
    }
}

/// A map that is printed a line each.
type Rows<T> = BTreeMap<String, T>;

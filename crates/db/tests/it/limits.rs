//! Changing limits while jobs run, and what the schema refuses.

use std::collections::BTreeMap;

use oddish_db::attempts;
use oddish_db::queue_keys::ChangedLimit;
use oddish_db::{Db, queue, queue_keys};
use oddish_domain::limits::ConcurrencyLimits;
use oddish_test_support::scene::{NOW, RULES, Scene, reward};
use oddish_test_support::with_database;

/// How long a query may take that must not wait for another.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[with_database]
async fn a_lowered_limit_waits_for_slots_to_come_free(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await;
    scene.task(9, "a/one").await;
    let claims = scene.claim(10).await;
    for claim in &claims {
        scene.begin(claim).await.unwrap();
    }
    let scene = scene.limit("a/one", 1).await;
    assert_eq!(claims.len(), 3);
    scene.assert_consistent().await;
    for (done, claim) in claims.iter().enumerate() {
        assert!(scene.claim(10).await.is_empty(), "{done} done, {} still run", 3 - done);
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    }
    assert_eq!(scene.claim(10).await.len(), 1);
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 1);
    let scene = scene.limit("a/one", 2).await;
    assert_eq!(scene.claim(10).await.len(), 1);
    scene.assert_consistent().await;
}

/// The job on the slot that is to go may run for hours: the key must go on with the slots that the others free.
#[with_database]
async fn a_long_job_on_a_slot_that_is_to_go_does_not_hold_up_its_key(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await;
    scene.task(9, "a/one").await;
    let claims = [scene.begun().await, scene.begun().await, scene.begun().await];
    let scene = scene.limit("a/one", 2).await;
    for claim in &claims[..2] {
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    }
    assert_eq!(scene.claim(10).await.len(), 1, "two slots, one of them held by the long job");
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 2, "the third goes when the key is claimed for");
    // The slots left are not the lowest ones.
    let scene = scene.limit("a/one", 3).await;
    let key = queue_keys::list(&scene.db, None).await.unwrap().remove(0);
    assert_eq!((key.concurrency_limit, key.running), (3, 2));
    assert_eq!(scene.claim(10).await.len(), 1);
    scene.assert_consistent().await;
}

#[with_database]
async fn a_limit_that_is_raised_again_keeps_the_slots_that_were_to_go(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    scene.task(4, "a/one").await;
    scene.claim(2).await;
    let scene = scene.limit("a/one", 0).await;
    assert!(scene.claim(10).await.is_empty());
    let scene = scene.limit("a/one", 3).await;
    assert_eq!(scene.claim(10).await.len(), 1);
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 3);
}

/// A dispatcher has taken a slot and not committed when the limit is lowered: the slot stays until its job has ended.
#[with_database]
async fn lowering_waits_for_a_claim_in_flight(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    scene.task(3, "a/one").await;
    let mut claiming = scene.db.begin().await.unwrap();
    let claimed: i64 = sqlx::query_scalar("select count(*) from oddish.claim_jobs(2, $1)")
        .bind(NOW)
        .fetch_one(&mut claiming)
        .await
        .unwrap();
    assert_eq!(claimed, 2);
    let lowering = tokio::spawn({
        let db = scene.db.clone();
        async move { queue_keys::set_limit(&db, "a/one", 1, NOW).await }
    });
    scene.until_waiting_for_a_lock().await;
    claiming.commit().await.unwrap();
    lowering.await.unwrap().unwrap();
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 2, "both are held");
    scene.assert_consistent().await;
    assert!(scene.claim(10).await.is_empty());
}

/// The limit is being lowered, and is not yet, when a dispatcher comes.
#[with_database]
async fn a_key_whose_limit_is_being_changed_is_left_alone(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    scene.task(3, "a/one").await;
    let mut lowering = scene.db.begin().await.unwrap();
    sqlx::query("update oddish.queue_keys set concurrency_limit = 1").execute(&mut lowering).await.unwrap();
    sqlx::query("delete from oddish.slots where slot = 1").execute(&mut lowering).await.unwrap();
    let claiming = queue::claim(&scene.db, 10, NOW);
    assert!(tokio::time::timeout(PATIENCE, claiming).await.expect("it waits for the key").unwrap().is_empty());
    lowering.commit().await.unwrap();
    assert_eq!(scene.claim(10).await.len(), 1);
}

#[with_database]
async fn a_starting_server_sets_named_keys_and_those_that_follow_the_default(db: Db) {
    let scene = Scene::new(db).limit("named/before", 5).await;
    scene.task(1, "follows/default").await;
    let overrides = BTreeMap::from([("named/now".to_owned(), 2)]);
    let limits = ConcurrencyLimits { default: 3, overrides };
    let changed = queue_keys::apply_limits(&scene.db, &limits, NOW).await.unwrap();
    let told = ChangedLimit { queue_key: "follows/default".to_owned(), before: 8, now: 3 };
    assert_eq!(changed, [told], "a new key had no other limit");
    assert_eq!(limits_of(&scene).await, [("follows/default", 3), ("named/before", 5), ("named/now", 2)].map(owned));
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 10);

    // What was named once keeps its limit, also when it followed the default before.
    let overrides = BTreeMap::from([("follows/default".to_owned(), 4)]);
    let limits = ConcurrencyLimits { default: 3, overrides };
    let changed = queue_keys::apply_limits(&scene.db, &limits, NOW).await.unwrap();
    assert_eq!(changed, [ChangedLimit { queue_key: "follows/default".to_owned(), before: 3, now: 4 }]);
    assert_eq!(queue_keys::apply_limits(&scene.db, &limits, NOW).await.unwrap(), []);
    let limits = ConcurrencyLimits { default: 1, overrides: BTreeMap::new() };
    queue_keys::apply_limits(&scene.db, &limits, NOW).await.unwrap();
    assert_eq!(limits_of(&scene).await, [("follows/default", 4), ("named/before", 5), ("named/now", 2)].map(owned));
}

#[with_database]
async fn a_new_key_gets_the_limit_that_names_it_or_follows_the_default(db: Db) {
    let scene = Scene::new(db).limit_of_new("a/named", 2);
    scene.task(1, "a/named").await;
    scene.task(1, "b/other").await;
    assert_eq!(limits_of(&scene).await, [("a/named", 2), ("b/other", 8)].map(owned));
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 10);
    for default in [3, 4] {
        let limits = ConcurrencyLimits { default, overrides: BTreeMap::new() };
        queue_keys::apply_limits(&scene.db, &limits, NOW).await.unwrap();
        assert_eq!(limits_of(&scene).await, [("a/named", 2), ("b/other", i32::try_from(default).unwrap())].map(owned));
    }
}

fn owned((key, limit): (&str, i32)) -> (String, i32) {
    (key.to_owned(), limit)
}

async fn limits_of(scene: &Scene) -> Vec<(String, i32)> {
    let keys = queue_keys::list(&scene.db, None).await.unwrap();
    keys.into_iter().map(|key| (key.queue_key, key.concurrency_limit)).collect()
}

async fn refused(scene: &Scene, sql: &'static str) -> String {
    let error = sqlx::query(sql).execute(&scene.db).await.unwrap_err();
    error.as_database_error().and_then(|error| error.constraint()).unwrap_or("none").to_owned()
}

#[with_database]
async fn the_schema_refuses_a_claim_that_passes_the_limit(db: Db) {
    let scene = Scene::new(db).limit("a/one", 1).await;
    scene.task(2, "a/one").await;
    scene.claim_one().await;
    let without_slot = "update oddish.jobs
        set state = 'claimed', token = gen_random_uuid(), begin_by = now() where state = 'ready'";
    assert_eq!(refused(&scene, without_slot).await, "jobs_claimed_with_slot");
    let same_slot = "update oddish.jobs set state = 'claimed', token = gen_random_uuid(), begin_by = now(), slot = 0
        where state = 'ready'";
    assert_eq!(refused(&scene, same_slot).await, "jobs_hold_one_slot_each");
    let no_slot = "update oddish.jobs set state = 'claimed', token = gen_random_uuid(), begin_by = now(), slot = 1
        where state = 'ready'";
    assert_eq!(refused(&scene, no_slot).await, "jobs_hold_existing_slots");
    assert_eq!(refused(&scene, "delete from oddish.slots").await, "jobs_hold_existing_slots");
}

#[with_database]
async fn the_schema_refuses_two_jobs_for_the_same_work(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    scene.task(1, "a/one").await;
    let again = "insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at)
        select kind, trial_id, queue_key, submitter, priority, due_at from oddish.jobs";
    assert_eq!(refused(&scene, again).await, "jobs_one_of_a_kind");
    let of_nothing = "insert into oddish.jobs (kind, queue_key, submitter, priority, due_at)
        select 'verdict', queue_key, submitter, priority, due_at from oddish.jobs";
    assert_eq!(refused(&scene, of_nothing).await, "jobs_have_one_subject");
}

#[with_database]
async fn deleting_a_task_frees_the_slots_of_its_running_trials(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    let task_id = scene.task(2, "a/one").await;
    let claims = scene.claim(2).await;
    scene.begin(&claims[0]).await.unwrap();
    sqlx::query("delete from oddish.tasks where id = $1").bind(&task_id).execute(&scene.db).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.slots").await, 2);
    assert_eq!(scene.count("select count(*) from oddish.attempts").await, 0);
    scene.assert_consistent().await;
}

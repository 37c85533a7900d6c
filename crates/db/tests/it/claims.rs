//! Claiming.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::Arc;

use oddish_db::attempts::{self, Standing};
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::{Db, queue};
use oddish_test_support::scene::{NOW, RULES, Scene, reward};
use oddish_test_support::with_database;
use time::Duration;

#[with_database]
async fn no_more_are_claimed_than_the_key_has_slots(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await.limit("b/two", 1).await;
    scene.task(5, "a/one").await;
    scene.task(5, "b/two").await;
    let claims = scene.claim(100).await;
    let of = |key: &str| claims.iter().filter(|claim| claim.queue_key == key).count();
    assert_eq!((of("a/one"), of("b/two")), (2, 1));
    assert!(scene.claim(100).await.is_empty());
    scene.assert_consistent().await;
}

#[with_database]
async fn a_claim_takes_no_more_than_it_was_asked_for(db: Db) {
    let scene = Scene::new(db);
    scene.task(5, "a/one").await;
    scene.task(5, "b/two").await;
    assert_eq!(scene.claim(3).await.len(), 3);
    scene.assert_consistent().await;
}

#[with_database]
async fn high_priority_goes_first_and_then_the_one_that_waits_longest(db: Db) {
    let scene = Scene::new(db).limit("a/one", 10).await;
    let first = scene.task(1, "a/one").await;
    let second = scene.task(1, "a/one").await;
    let scene = scene.high_priority();
    let urgent = scene.task(1, "a/one").await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(scene.claim_one().await.attempt.subject);
    }
    assert_eq!(order, [format!("{urgent}-0"), format!("{first}-0"), format!("{second}-0")]);
}

/// Where there is room for fewer jobs than the keys have slots, high jobs of all keys go first, and one key's share is not for another's
/// low ones.
#[with_database]
async fn high_jobs_of_all_keys_go_before_low_ones_of_any(db: Db) {
    let mut scene = Scene::new(db);
    for key in ["a/one", "b/two", "c/three"] {
        scene.task(3, key).await;
    }
    scene = scene.high_priority();
    let urgent = [scene.task(1, "c/three").await, scene.task(1, "a/one").await].map(|task| format!("{task}-0"));
    let claimed: BTreeSet<String> = scene.claim(2).await.into_iter().map(|claim| claim.attempt.subject).collect();
    assert_eq!(claimed, BTreeSet::from(urgent));
}

/// They go to the end of the index over all attempts, and cannot be guessed from one another.
#[with_database]
async fn tokens_grow_with_time_and_are_random_otherwise(db: Db) {
    let scene = Scene::new(db);
    scene.task(3, "a/one").await;
    let mut tokens = Vec::new();
    for second in 0..3 {
        let claims = queue::claim(&scene.db, 1, NOW + Duration::seconds(second)).await.unwrap();
        tokens.push(claims[0].attempt.token);
    }
    assert!(tokens.is_sorted());
    for (token, second) in tokens.iter().zip(0..) {
        assert_eq!((token.get_version_num(), token.get_variant()), (7, uuid::Variant::RFC4122));
        let milliseconds = (NOW + Duration::seconds(second)).unix_timestamp() * 1000;
        assert_eq!(token.as_u128() >> 80, u128::try_from(milliseconds).unwrap());
    }
    let random = tokens.iter().map(|token| token.as_u128() & ((1 << 62) - 1));
    assert_eq!(random.collect::<BTreeSet<_>>().len(), 3);
}

/// A dispatcher that never has room for all does not serve the same keys first every time.
#[with_database]
async fn no_key_waits_for_ever_behind_others(db: Db) {
    let scene = Scene::new(db).limit("a/one", 1000).await.limit("b/two", 1000).await;
    scene.task(200, "a/one").await;
    scene.task(200, "b/two").await;
    let mut served = BTreeSet::new();
    // With two keys drawn at random the chance to miss one is 2^-99.
    for _ in 0..100 {
        served.insert(scene.claim_one().await.queue_key);
    }
    assert_eq!(served.len(), 2);
}

/// Makes jobs wait for their time.
async fn delay(scene: &Scene, trials: &str, due: time::OffsetDateTime) {
    sqlx::query("update oddish.jobs set state = 'waiting', due_at = $1 where trial_id like $2")
        .bind(due)
        .bind(trials)
        .execute(&scene.db)
        .await
        .unwrap();
}

#[with_database]
async fn a_job_that_is_not_due_waits(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    assert_eq!(queue::next_due(&scene.db).await.unwrap(), None, "it waits for nothing");
    delay(&scene, "%", NOW + Duration::SECOND).await;
    assert!(queue::claim(&scene.db, 1, NOW).await.unwrap().is_empty());
    assert_eq!(queue::next_due(&scene.db).await.unwrap(), Some(NOW + Duration::SECOND));
    assert_eq!(queue::claim(&scene.db, 1, NOW + Duration::SECOND).await.unwrap().len(), 1);
    assert_eq!(queue::next_due(&scene.db).await.unwrap(), None, "it waits no longer");
}

#[with_database]
async fn of_one_key_only_the_jobs_that_are_due_are_claimed(db: Db) {
    let scene = Scene::new(db);
    scene.task(2, "a/one").await;
    delay(&scene, "%-0", NOW + Duration::HOUR).await;
    let claims = scene.claim(10).await;
    assert_eq!(claims.len(), 1);
    assert!(claims[0].attempt.subject.ends_with("-1"));
}

#[with_database]
async fn a_job_that_another_transaction_is_changing_is_left_to_it(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    scene.task(2, "a/one").await;
    let mut other = scene.db.begin().await.unwrap();
    sqlx::query("select from oddish.jobs where trial_id like '%-0' for update").execute(&mut other).await.unwrap();
    let claims = scene.claim(10).await;
    assert_eq!(claims.len(), 1, "one job was free");
    assert!(claims[0].attempt.subject.ends_with("-1"));
    other.rollback().await.unwrap();
    assert_eq!(scene.claim(10).await.len(), 1);
    scene.assert_consistent().await;
}

/// One dispatcher has claimed and not committed: another neither waits for it nor claims for the same key, and goes on with other keys.
#[with_database]
async fn a_key_that_another_dispatcher_is_claiming_for_is_left_to_it(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await.limit("b/two", 2).await;
    scene.task(3, "a/one").await;
    let mut other = scene.db.begin().await.unwrap();
    let claimed = "select count(*) from oddish.claim_jobs(1, $1)";
    let count: i64 = sqlx::query_scalar(claimed).bind(NOW).fetch_one(&mut other).await.unwrap();
    assert_eq!(count, 1);
    scene.task(1, "b/two").await;
    let keys: Vec<String> = scene.claim(10).await.into_iter().map(|claim| claim.queue_key).collect();
    assert_eq!(keys, ["b/two"]);
    other.commit().await.unwrap();
    assert_eq!(scene.claim(10).await.len(), 1, "one of the two slots is left");
    scene.assert_consistent().await;
}

/// Sixteen dispatchers and as many runners at once.
#[with_database]
async fn limits_hold_with_many_dispatchers(db: Db) {
    let scene = Arc::new(Scene::new(db).limit("a/one", 3).await.limit("b/two", 2).await);
    for _ in 0..4 {
        scene.task(20, "a/one").await;
        scene.task(20, "b/two").await;
    }
    let mut dispatchers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let scene = Arc::clone(&scene);
        dispatchers.spawn(async move {
            let mut claimed = Vec::new();
            while scene.count("select count(*) from oddish.jobs").await > 0 {
                for claim in scene.claim(4).await {
                    assert!(scene.begin(&claim).await.is_some());
                    let over = "select count(*) from (
                        select queue_key from oddish.jobs join oddish.queue_keys k using (queue_key)
                        where slot is not null group by queue_key, k.concurrency_limit
                        having count(*) > k.concurrency_limit) passed";
                    assert_eq!(scene.count(over).await, 0, "a limit was passed");
                    let recorded =
                        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
                    assert_eq!(recorded, Recorded::Ended);
                    claimed.push(claim.attempt.subject);
                }
            }
            claimed
        });
    }
    let claimed: Vec<String> = dispatchers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 160);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 160, "a trial was claimed twice");
    assert_eq!(scene.count("select count(*) from oddish.attempts where outcome = 'recorded'").await, 160);
    assert_eq!(scene.count("select count(*) from oddish.tasks where status = 'completed'").await, 8);
    scene.assert_consistent().await;
}

#[with_database]
async fn a_claim_that_no_runner_begins_is_given_back_without_cost(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.claim_one().await;
    assert!(queue::overdue(&scene.db, NOW + Duration::MINUTE).await.unwrap().is_empty(), "it is not late yet");
    let late = NOW + Duration::MINUTE + Duration::SECOND;
    assert_eq!(queue::overdue(&scene.db, late).await.unwrap(), std::slice::from_ref(&claim));
    queue::launched(&scene.db, &[claim.attempt.token], late).await.unwrap();
    assert!(queue::overdue(&scene.db, late).await.unwrap().is_empty(), "the launcher has answered meanwhile");
    let late = late + queue::BEGIN_WITHIN + Duration::SECOND;
    assert_eq!(queue::overdue(&scene.db, late).await.unwrap(), std::slice::from_ref(&claim));
    assert_eq!(attempts::give_back(&scene.db, claim.attempt.token, "late", late).await.unwrap(), Fenced::Accepted);
    scene.assert_consistent().await;
    assert!(scene.begin(&claim).await.is_none(), "the late runner's token is stale");
    let again = scene.claim_one().await;
    assert_eq!(again.attempt.number, 2);
    assert!(scene.begin(&again).await.is_some());
    assert_eq!(scene.trial(&again.attempt.subject, "attempts").await.as_deref(), Some("1"));
    assert!(queue::overdue(&scene.db, NOW + Duration::DAY).await.unwrap().is_empty(), "it has begun");
}

/// A runner that is late begins at the very moment when its claim is given back.
#[with_database]
async fn a_claim_that_a_runner_is_about_to_begin_is_left_to_it(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.claim_one().await;
    let mut beginning = scene.db.begin().await.unwrap();
    sqlx::query("update oddish.jobs set state = 'begun', begin_by = null, lease_until = now()")
        .execute(&mut beginning)
        .await
        .unwrap();
    let given = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::give_back(&db, claim.attempt.token, "late", NOW).await.unwrap() }
    });
    scene.until_waiting_for_a_lock().await;
    beginning.commit().await.unwrap();
    assert_eq!(given.await.unwrap(), Fenced::Stale);
    assert_ne!(attempts::standing(&scene.db, claim.attempt.token).await.unwrap(), Standing::Stale);
    scene.assert_consistent().await;
}

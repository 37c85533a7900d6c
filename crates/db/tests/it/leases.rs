//! Leases: who counts as dead, and when.

use oddish_db::attempts::{self, AfterLoss, Standing};
use oddish_db::jobs::{Fenced, LEASE, Recorded};
use oddish_db::leases::{self, SUSPICION};
use oddish_db::{Db, queue};
use oddish_test_support::scene::{NOW, RULES, Scene, reward};
use oddish_test_support::with_database;
use time::{Duration, OffsetDateTime};

async fn dead(scene: &Scene, now: OffsetDateTime) -> usize {
    leases::dead(&scene.db, now).await.unwrap().len()
}

#[with_database]
async fn a_runner_that_stops_renewing_is_suspect_first_and_then_dead(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    assert_eq!(leases::suspect(&scene.db, NOW + LEASE).await.unwrap(), 0, "the lease has not run out");
    let late = NOW + LEASE + Duration::SECOND;
    assert_eq!(leases::suspect(&scene.db, late).await.unwrap(), 1);
    assert_eq!(leases::suspect(&scene.db, late + Duration::SECOND).await.unwrap(), 0, "it is suspect already");
    assert_eq!(dead(&scene, late + SUSPICION - Duration::SECOND).await, 0, "it has time to show that it lives");
    let reaped =
        attempts::reap(&scene.db, claim.attempt.token, "gone", &RULES, late + SUSPICION - Duration::SECOND).await;
    assert_eq!(reaped.unwrap(), AfterLoss::Stale, "too early");
    assert_eq!(dead(&scene, late + SUSPICION).await, 1);
    let reaped = attempts::reap(&scene.db, claim.attempt.token, "gone", &RULES, late + SUSPICION).await.unwrap();
    assert_eq!(reaped, AfterLoss::Retried);
    assert_eq!(
        attempts::record(&scene.db, claim.attempt.token, &reward(1.0), &RULES, late).await.unwrap(),
        Recorded::Stale
    );
    scene.assert_consistent().await;
}

/// After an outage all leases have run out. The first pass that finds them must not take the runners for dead.
#[with_database]
async fn a_suspect_that_renews_is_cleared(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let late = NOW + LEASE + Duration::MINUTE;
    leases::suspect(&scene.db, late).await.unwrap();
    assert_eq!(leases::renew(&scene.db, claim.attempt.token, late).await.unwrap(), Fenced::Accepted);
    assert_eq!(dead(&scene, late + Duration::DAY).await, 0);
    let reaped = attempts::reap(&scene.db, claim.attempt.token, "gone", &RULES, late + Duration::DAY).await.unwrap();
    assert_eq!(reaped, AfterLoss::Stale);
    assert_eq!(leases::suspect(&scene.db, late + LEASE).await.unwrap(), 0, "the lease is new");
}

/// The runner renews at the very moment when it is reaped.
#[with_database]
async fn a_renewal_that_comes_first_saves_the_attempt(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let late = NOW + LEASE + Duration::MINUTE;
    leases::suspect(&scene.db, late).await.unwrap();
    let mut renewing = scene.db.begin().await.unwrap();
    sqlx::query("update oddish.jobs set lease_until = now(), suspect_since = null")
        .execute(&mut renewing)
        .await
        .unwrap();
    let reaping = tokio::spawn({
        let db = scene.db.clone();
        async move { attempts::reap(&db, claim.attempt.token, "gone", &RULES, late + Duration::HOUR).await.unwrap() }
    });
    scene.until_waiting_for_a_lock().await;
    renewing.commit().await.unwrap();
    assert_eq!(reaping.await.unwrap(), AfterLoss::Stale);
    assert_eq!(scene.trial(&claim.attempt.subject, "status").await.as_deref(), Some("running"));
    assert_ne!(attempts::standing(&scene.db, claim.attempt.token).await.unwrap(), Standing::Stale);
}

#[with_database]
async fn a_stale_runner_cannot_renew(db: Db) {
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    let old = scene.begun().await;
    attempts::lose(&scene.db, old.attempt.token, "gone", &RULES, NOW).await.unwrap();
    assert_eq!(leases::renew(&scene.db, old.attempt.token, NOW).await.unwrap(), Fenced::Stale);
    let new = queue::claim(&scene.db, 1, NOW).await.unwrap().pop().unwrap();
    assert_eq!(leases::renew(&scene.db, new.attempt.token, NOW).await.unwrap(), Fenced::Stale, "it has not begun");
}

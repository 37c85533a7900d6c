//! Leases: who counts as dead, and when.

use oddish_db::attempts::{self, AfterLoss, Fenced, Recorded};
use oddish_db::leases::{self, LEASE, SUSPICION};
use oddish_db::{PgPool, queue};
use time::{Duration, OffsetDateTime};

use crate::scene::{NOW, RULES, Scene, reward};

async fn dead(scene: &Scene, now: OffsetDateTime) -> usize {
    leases::dead(&scene.pool, now).await.unwrap().len()
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_runner_that_stops_renewing_is_suspect_first_and_then_dead(pool: PgPool) {
    let scene = Scene::new(pool);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    assert_eq!(leases::suspect(&scene.pool, NOW + LEASE).await.unwrap(), 0, "the lease has not run out");
    let late = NOW + LEASE + Duration::SECOND;
    assert_eq!(leases::suspect(&scene.pool, late).await.unwrap(), 1);
    assert_eq!(leases::suspect(&scene.pool, late + Duration::SECOND).await.unwrap(), 0, "it is suspect already");
    assert_eq!(dead(&scene, late + SUSPICION - Duration::SECOND).await, 0, "it has time to show that it lives");
    let reaped = attempts::reap(&scene.pool, claim.token, "gone", &RULES, late + SUSPICION - Duration::SECOND).await;
    assert_eq!(reaped.unwrap(), AfterLoss::Stale, "too early");
    assert_eq!(dead(&scene, late + SUSPICION).await, 1);
    let reaped = attempts::reap(&scene.pool, claim.token, "gone", &RULES, late + SUSPICION).await.unwrap();
    assert_eq!(reaped, AfterLoss::Retried);
    assert_eq!(attempts::record(&scene.pool, claim.token, &reward(1.0), &RULES, late).await.unwrap(), Recorded::Stale);
    scene.assert_consistent().await;
}

/// After an outage all leases have run out. The first pass that finds them must not take the runners for dead.
#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_suspect_that_renews_is_cleared(pool: PgPool) {
    let scene = Scene::new(pool);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let late = NOW + LEASE + Duration::MINUTE;
    leases::suspect(&scene.pool, late).await.unwrap();
    assert_eq!(leases::renew(&scene.pool, claim.token, late).await.unwrap(), Fenced::Accepted);
    assert_eq!(dead(&scene, late + Duration::DAY).await, 0);
    let reaped = attempts::reap(&scene.pool, claim.token, "gone", &RULES, late + Duration::DAY).await.unwrap();
    assert_eq!(reaped, AfterLoss::Stale);
    assert_eq!(leases::suspect(&scene.pool, late + LEASE).await.unwrap(), 0, "the lease is new");
}

/// The runner renews at the very moment when it is reaped.
#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_renewal_that_comes_first_saves_the_attempt(pool: PgPool) {
    let scene = Scene::new(pool);
    scene.task(1, "a/one").await;
    let claim = scene.begun().await;
    let late = NOW + LEASE + Duration::MINUTE;
    leases::suspect(&scene.pool, late).await.unwrap();
    let mut renewing = scene.pool.begin().await.unwrap();
    sqlx::query("update oddish.jobs set lease_until = now(), suspect_since = null")
        .execute(&mut *renewing)
        .await
        .unwrap();
    let reaping = tokio::spawn({
        let pool = scene.pool.clone();
        async move { attempts::reap(&pool, claim.token, "gone", &RULES, late + Duration::HOUR).await.unwrap() }
    });
    scene.until_waiting_for_a_lock().await;
    renewing.commit().await.unwrap();
    assert_eq!(reaping.await.unwrap(), AfterLoss::Stale);
    assert_eq!(scene.trial(&claim.subject, "status").await.as_deref(), Some("running"));
    assert!(attempts::is_open(&scene.pool, claim.token).await.unwrap());
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_stale_runner_cannot_renew(pool: PgPool) {
    let scene = Scene::new(pool);
    scene.task(1, "a/one").await;
    let old = scene.begun().await;
    attempts::lose(&scene.pool, old.token, "gone", &RULES, NOW).await.unwrap();
    assert_eq!(leases::renew(&scene.pool, old.token, NOW).await.unwrap(), Fenced::Stale);
    let new = queue::claim(&scene.pool, 1, NOW).await.unwrap().pop().unwrap();
    assert_eq!(leases::renew(&scene.pool, new.token, NOW).await.unwrap(), Fenced::Stale, "it has not begun");
}

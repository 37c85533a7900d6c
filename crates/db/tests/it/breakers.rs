//! Pausing keys, by hand and by their circuit breaker.

use oddish_db::attempts::{self, Outcome};
use oddish_db::queue::Claim;
use oddish_db::queue_keys::{self, QueueKey};
use oddish_db::{Db, queue};
use oddish_test_support::scene::{NOW, RULES, Scene, process, reward};
use oddish_test_support::with_database;
use time::{Duration, OffsetDateTime};

async fn key(scene: &Scene) -> QueueKey {
    queue_keys::list(&scene.db, Some("a/one")).await.unwrap().remove(0)
}

/// Claims and begins as much as there is.
async fn begin_all(scene: &Scene, now: OffsetDateTime) -> Vec<Claim> {
    let claims = queue::claim(&scene.db, 10, now).await.unwrap();
    for claim in &claims {
        assert!(attempts::begin(&scene.db, claim.attempt.token, &process(), now).await.unwrap().is_some());
    }
    claims
}

async fn refuse(scene: &Scene, claim: &Claim, now: OffsetDateTime) {
    let outcome = Outcome {
        error_type: Some("ApiUsageLimitError".to_owned()),
        error_message: Some("You exceeded your current quota.".to_owned()),
        ..Outcome::default()
    };
    attempts::record(&scene.db, claim.attempt.token, &outcome, &RULES, now).await.unwrap();
}

#[with_database]
async fn a_spent_quota_pauses_the_key_until_a_probe_is_served(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await;
    scene.task(9, "a/one").await;
    for claim in begin_all(&scene, NOW).await {
        refuse(&scene, &claim, NOW).await;
    }
    let paused = key(&scene).await;
    assert_eq!((paused.paused_by.as_deref(), paused.paused_at), (Some("breaker"), Some(NOW)));
    let reason = paused.pause_reason.unwrap();
    assert!(reason.contains("quota") && reason.contains("ApiUsageLimitError"), "{reason}");
    assert!(scene.claim(10).await.is_empty(), "nothing is claimed while it is paused");

    let due = paused.probe_at.unwrap();
    assert_eq!(queue::next_due(&scene.db).await.unwrap().map(|next| next <= due), Some(true));
    let probe = begin_all(&scene, due).await;
    assert_eq!(probe.len(), 1, "one trial tries");
    assert!(begin_all(&scene, due + Duration::HOUR).await.is_empty(), "no second probe beside it");
    refuse(&scene, &probe[0], due).await;
    let next = key(&scene).await.probe_at.unwrap();
    assert!(next - due > due - NOW, "it waits longer after a refused probe");

    let probe = begin_all(&scene, next).await;
    assert_eq!(probe.len(), 1);
    attempts::record(&scene.db, probe[0].attempt.token, &reward(1.0), &RULES, next).await.unwrap();
    assert_eq!(key(&scene).await.paused_at, None);
    assert_eq!(begin_all(&scene, next).await.len(), 3);
    scene.assert_consistent().await;
}

#[with_database]
async fn a_probe_that_says_nothing_is_followed_by_another(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await;
    scene.task(9, "a/one").await;
    for claim in begin_all(&scene, NOW).await {
        refuse(&scene, &claim, NOW).await;
    }
    let due = key(&scene).await.probe_at.unwrap();
    let probe = begin_all(&scene, due).await.remove(0);
    attempts::lose(&scene.db, probe.attempt.token, "gone", &RULES, due).await.unwrap();
    let again = key(&scene).await.probe_at.unwrap();
    assert!(again > due);
    assert_eq!(begin_all(&scene, again).await.len(), 1);
}

#[with_database]
async fn a_served_trial_in_between_closes_the_count(db: Db) {
    let scene = Scene::new(db).limit("a/one", 5).await;
    scene.task(5, "a/one").await;
    let claims = begin_all(&scene, NOW).await;
    refuse(&scene, &claims[0], NOW).await;
    refuse(&scene, &claims[1], NOW).await;
    attempts::record(&scene.db, claims[2].attempt.token, &reward(0.0), &RULES, NOW).await.unwrap();
    refuse(&scene, &claims[3], NOW).await;
    refuse(&scene, &claims[4], NOW).await;
    assert_eq!(key(&scene).await.paused_at, None);
}

#[with_database]
async fn a_key_paused_by_hand_stays_so_until_it_is_resumed(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await;
    scene.task(4, "a/one").await;
    let running = begin_all(&scene, NOW).await;
    assert!(queue_keys::pause(&scene.db, "a/one", Some("too dear at night"), NOW).await.unwrap());
    attempts::record(&scene.db, running[0].attempt.token, &reward(1.0), &RULES, NOW).await.unwrap();
    assert!(begin_all(&scene, NOW + Duration::DAY).await.is_empty(), "no probe either");
    assert_eq!(key(&scene).await.pause_reason.as_deref(), Some("too dear at night"));
    assert!(queue_keys::resume(&scene.db, "a/one", NOW).await.unwrap());
    assert_eq!(begin_all(&scene, NOW).await.len(), 1);
    assert!(!queue_keys::pause(&scene.db, "no/such", None, NOW).await.unwrap());
    assert!(!queue_keys::resume(&scene.db, "no/such", NOW).await.unwrap());
}

/// Two dispatchers at the same instant: everybody goes for the same slot.
#[with_database]
async fn one_probe_is_claimed_however_many_look(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await;
    scene.task(9, "a/one").await;
    for claim in begin_all(&scene, NOW).await {
        refuse(&scene, &claim, NOW).await;
    }
    let due = key(&scene).await.probe_at.unwrap();
    let mut first = scene.db.begin().await.unwrap();
    let probes: i64 = sqlx::query_scalar("select count(*) from oddish.claim_jobs(10, $1)")
        .bind(due)
        .fetch_one(&mut first)
        .await
        .unwrap();
    assert_eq!(probes, 1);
    assert!(queue::claim(&scene.db, 10, due).await.unwrap().is_empty(), "the other's slot is locked");
    first.commit().await.unwrap();
    assert!(queue::claim(&scene.db, 10, due).await.unwrap().is_empty(), "its probe is under way");
}

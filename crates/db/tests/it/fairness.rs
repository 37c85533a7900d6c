//! Who is served first.

use std::collections::BTreeMap;

use oddish_db::Db;
use oddish_db::queue::Claim;
use oddish_test_support::scene::Scene;
use oddish_test_support::with_database;

/// The tasks of the claims, in order.
fn tasks(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.attempt.subject.rsplit_once('-').unwrap().0).collect()
}

/// How many claims each task got.
fn shares(claims: &[Claim]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for task in tasks(claims) {
        *shares.entry(task).or_default() += 1;
    }
    shares
}

#[with_database]
async fn a_small_sweep_does_not_wait_for_a_large_one_of_somebody_else(db: Db) {
    let scene = Scene::new(db).limit("a/one", 4).await.submitter("ann");
    let large = scene.task(50, "a/one").await;
    let scene = scene.submitter("bob");
    let small = scene.task(2, "a/one").await;
    assert_eq!(shares(&scene.claim(10).await), BTreeMap::from([(&*large, 2), (&*small, 2)]));
    scene.assert_consistent().await;
}

/// What runs already counts, and slots that one can't use go to the others in the same call.
#[with_database]
async fn the_least_loaded_goes_first_and_no_slot_stays_free(db: Db) {
    let scene = Scene::new(db).limit("a/one", 3).await.submitter("ann");
    let ann = scene.task(20, "a/one").await;
    assert_eq!(scene.claim(10).await.len(), 3);
    let scene = scene.submitter("bob");
    let bob = scene.task(4, "a/one").await;
    let scene = scene.submitter("cleo").limit("a/one", 8).await;
    let cleo = scene.task(1, "a/one").await;
    // Running 3, 0, 0. Five slots: bob and cleo one each, bob up to ann's three, and then they are level: the older one of ann.
    assert_eq!(shares(&scene.claim(10).await), BTreeMap::from([(&*ann, 1), (&*bob, 3), (&*cleo, 1)]));
    scene.assert_consistent().await;
}

#[with_database]
async fn priority_goes_before_fairness_and_keys_are_apart(db: Db) {
    let scene = Scene::new(db).limit("a/one", 2).await.limit("b/two", 1).await.submitter("ann").high_priority();
    let urgent = scene.task(3, "a/one").await;
    let scene = scene.low_priority().submitter("bob");
    let low = scene.task(3, "a/one").await;
    let other = scene.task(3, "b/two").await;
    let claims = scene.claim(10).await;
    assert_eq!(shares(&claims), BTreeMap::from([(&*urgent, 2), (&*other, 1)]));
    assert!(!tasks(&claims).contains(&&*low));
}

/// With one slot at a time the order is that of the claims.
#[with_database]
async fn ties_are_broken_by_age(db: Db) {
    let scene = Scene::new(db).limit("a/one", 4).await.submitter("zoe");
    let zoe = scene.task(2, "a/one").await;
    let scene = scene.submitter("ann");
    let ann = scene.task(2, "a/one").await;
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(scene.claim_one().await.attempt.subject);
    }
    assert_eq!(order, [format!("{zoe}-0"), format!("{ann}-0"), format!("{zoe}-1"), format!("{ann}-1")]);
}

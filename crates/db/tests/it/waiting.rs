//! Places in the queue, and why trials wait.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use oddish_db::waiting::{self, PLACES, Reason, Waiting};
use oddish_db::{Db, attempts, queue, queue_keys};
use oddish_test_support::scene::{NOW, RULES, Scene};
use oddish_test_support::with_database;
use time::Duration;

/// A trial that waits: its submitter, and whether it goes before the others.
#[derive(Clone, Debug)]
struct Submitted {
    submitter: String,
    high: bool,
    trial_id: String,
}

/// The order (docs/compatibility.md, 3.5): in each class, whoever has the least running goes next, then whoever came first.
fn model(waiting: &[Submitted], running: &BTreeMap<String, u64>) -> Vec<String> {
    let mut order = Vec::new();
    for high in [true, false] {
        let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (age, trial) in waiting.iter().enumerate().filter(|(_, trial)| trial.high == high) {
            lines.entry(&trial.submitter).or_default().push(age);
        }
        let load = |submitter: &str| running.get(submitter).copied().unwrap_or(0);
        let mut next: BinaryHeap<_> =
            lines.iter().map(|(submitter, ages)| Reverse((load(submitter), ages[0], *submitter, 0))).collect();
        while let Some(Reverse((load, age, submitter, turn))) = next.pop() {
            order.push(waiting[age].trial_id.clone());
            if let Some(&age) = lines[submitter].get(turn + 1) {
                next.push(Reverse((load + 1, age, submitter, turn + 1)));
            }
        }
    }
    order
}

async fn explain(scene: &Scene, trial_ids: &[String]) -> HashMap<String, Waiting> {
    waiting::explain(&scene.db, trial_ids, NOW).await.unwrap()
}

/// The trials that have a place, by place.
fn in_order(explained: &HashMap<String, Waiting>) -> Vec<String> {
    let mut placed: Vec<(i64, String)> =
        explained.iter().filter_map(|(id, waiting)| Some((waiting.position?, id.clone()))).collect();
    placed.sort();
    assert!(placed.iter().zip(1..).all(|((place, _), expected)| *place == expected), "{placed:?}");
    placed.into_iter().map(|(_, id)| id).collect()
}

/// Submits one trial for each, having those run that were submitted before.
async fn submit(mut scene: Scene, wanted: &[(&str, bool)]) -> (Scene, Vec<Submitted>) {
    let mut submitted = Vec::new();
    for &(submitter, high) in wanted {
        scene = if high { scene.high_priority() } else { scene.low_priority() }.submitter(submitter);
        let trial_id = format!("{}-0", scene.task(1, "a/one").await);
        submitted.push(Submitted { submitter: submitter.to_owned(), high, trial_id });
    }
    (scene, submitted)
}

fn ids(submitted: &[Submitted]) -> Vec<String> {
    submitted.iter().map(|trial| trial.trial_id.clone()).collect()
}

#[with_database]
async fn published_clients_example(db: Db) {
    let scene = Scene::new(db).limit("a/one", 8).await;
    let (scene, _) = submit(scene, &[("A", false)]).await;
    scene.begun().await;
    let (scene, submitted) = submit(scene, &[("A", false), ("A", false), ("B", false), ("B", false)]).await;
    let all = ids(&submitted);
    let explained = explain(&scene, &all).await;
    let expected: Vec<String> = [2, 0, 3, 1].map(|index: usize| all[index].clone()).to_vec();
    assert_eq!(in_order(&explained), expected, "B1, A1, B2, A2");
    let last = &explained[&all[1]];
    assert_eq!((last.ahead, last.key.queued, last.key.running, last.key.limit), (3, 4, 1, 8));
}

/// Any mixture of submitters and classes has the places that the model gives, and a claim takes the first of them.
#[with_database]
async fn places_are_the_models_and_the_claims(db: Db) {
    let mut scene = Scene::new(db);
    let mut random = 1_u64;
    let mut draw = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    for round in 0..6 {
        sqlx::query("truncate oddish.jobs, oddish.slots, oddish.attempts").execute(&scene.db).await.unwrap();
        sqlx::query("delete from oddish.queue_keys k where not exists (select from oddish.trials t where t.queue_key = k.queue_key)")
            .execute(&scene.db).await.unwrap();
        let submitters = ["ann", "bob", "cid", "dan"];
        let mut some = |number: u64| -> Vec<(&str, bool)> {
            (0..number).map(|_| (submitters[usize::try_from(draw(4)).unwrap()], draw(4) == 0)).collect()
        };
        let (first, second) = (some(5), some(20));
        scene = scene.limit("a/one", 0).await.limit("a/one", 5).await;
        let (with_running, began) = submit(scene, &first).await;
        assert_eq!(with_running.claim(10).await.len(), 5);
        let mut running = BTreeMap::new();
        for trial in &began {
            *running.entry(trial.submitter.clone()).or_default() += 1;
        }
        let (with_waiting, submitted) = submit(with_running, &second).await;
        let expected = model(&submitted, &running);
        assert_eq!(in_order(&explain(&with_waiting, &ids(&submitted)).await), expected, "round {round}");
        scene = with_waiting.limit("a/one", 8).await;
        let mut claimed: Vec<String> = scene.claim(10).await.into_iter().map(|claim| claim.attempt.subject).collect();
        claimed.sort();
        let mut front = expected[..3].to_vec();
        front.sort();
        assert_eq!(claimed, front, "round {round}: {submitted:?} {running:?}");
    }
}

/// However long the queue, only its front is worked out, and what is worked out is right.
#[with_database]
async fn the_back_of_a_long_queue_has_no_place(db: Db) {
    let scene = Scene::new(db).limit("a/one", 8).await.submitter("ann");
    let places = u32::try_from(PLACES).unwrap();
    let large = scene.task(places * 2, "a/one").await;
    let scene = scene.submitter("bob");
    let small = scene.task(3, "a/one").await;
    let of = |task: &str, trials: u32| (0..trials).map(|index| format!("{task}-{index}")).collect::<Vec<_>>();
    let all = [of(&small, 3), of(&large, places * 2)].concat();
    let explained = explain(&scene, &all).await;
    let order = in_order(&explained);
    assert_eq!(order.len(), places as usize);
    let turns =
        [(&large, 0), (&small, 0), (&large, 1), (&small, 1), (&large, 2), (&small, 2), (&large, 3), (&large, 4)];
    assert_eq!(order[..8], turns.map(|(task, index)| format!("{task}-{index}")));
    let last = &explained[&format!("{large}-999")];
    assert_eq!((last.position, last.ahead, last.key.queued), (None, PLACES, PLACES * 2 + 3));
    // Nobody of the low class has a place while it is not known where the high class ends.
    let scene = scene.high_priority().submitter("ann");
    scene.task(places * 2, "a/one").await;
    let low = &explain(&scene, &[format!("{small}-0")]).await[&format!("{small}-0")];
    assert_eq!((low.position, low.ahead), (None, PLACES));
}

/// Submitters of the places up to `bound`, each with the number of his places.
async fn placed(scene: &Scene, bound: i64) -> BTreeMap<String, i64> {
    let sql = "select j.submitter, count(*) from oddish.queue_places(array['a/one'], $1) p join oddish.jobs j on j.id = p.job_id group by 1";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(bound).fetch_all(&scene.db).await.unwrap();
    rows.into_iter().collect()
}

/// Of eight submitters and twenty places, ten jobs each are looked at.
#[with_database]
async fn nobody_has_a_place_behind_jobs_that_were_not_looked_at(db: Db) {
    let mut scene = Scene::new(db).limit("a/one", 12).await.submitter("busy");
    scene.task(12, "a/one").await;
    assert_eq!(scene.claim(12).await.len(), 12);
    scene.task(20, "a/one").await;
    let singles = ["s1", "s2", "s3", "s4", "s5", "s6"];
    let expected: BTreeMap<String, i64> =
        singles.iter().map(|name| ((*name).to_owned(), 1)).chain([("ann".to_owned(), 10)]).collect();
    for name in singles {
        scene = scene.submitter(name);
        scene.task(1, "a/one").await;
    }
    scene = scene.submitter("ann");
    scene.task(20, "a/one").await;
    assert_eq!(placed(&scene, 20).await, expected, "ann has more jobs that go before the busy one's");

    scene = scene.high_priority();
    for name in singles.into_iter().chain(["s7"]) {
        scene = scene.submitter(name);
        scene.task(1, "a/one").await;
    }
    scene = scene.submitter("ann");
    scene.task(20, "a/one").await;
    let mut expected = expected;
    expected.insert("s7".to_owned(), 1);
    assert_eq!(placed(&scene, 20).await, expected, "ann has more jobs of the high class");
}

#[with_database]
async fn each_reason_is_told(db: Db) {
    let scene = Scene::new(db).limit("a/one", 1).await;
    let task_id = scene.task(3, "a/one").await;
    let trial = |index: u8| format!("{task_id}-{index}");
    let reason = async |index: u8, now| {
        waiting::explain(&scene.db, &[trial(index)], now)
            .await
            .unwrap()
            .remove(&trial(index))
            .map(|waiting| waiting.reason)
    };
    assert_eq!(reason(0, NOW).await, Some(Reason::NoDispatcher(None)));
    queue::seen(&scene.db, "d", NOW).await.unwrap();
    assert_eq!(reason(0, NOW).await, Some(Reason::AboutToStart));
    assert_eq!(reason(1, NOW).await, Some(Reason::LimitReached), "the other takes the slot");
    let late = NOW + Duration::seconds(151);
    assert_eq!(reason(0, late).await, Some(Reason::NoDispatcher(Some(NOW))));

    let claim = scene.claim_one().await;
    assert_eq!(reason(0, NOW).await, Some(Reason::AboutToStart), "it is claimed");
    scene.begin(&claim).await.unwrap();
    assert_eq!(reason(0, NOW).await, None, "it runs");
    assert_eq!(reason(1, NOW).await, Some(Reason::LimitReached));
    attempts::lose(&scene.db, claim.attempt.token, "gone", &RULES, NOW).await.unwrap();
    let claim = scene.begun().await;
    assert_eq!(claim.attempt.subject, trial(0));
    attempts::lose(&scene.db, claim.attempt.token, "gone again", &RULES, NOW).await.unwrap();
    let Some(Reason::RetryAt(due)) = reason(0, NOW).await else { panic!("it is tried again later") };
    assert!(due > NOW);

    assert!(queue_keys::pause(&scene.db, "a/one", Some("no money"), NOW).await.unwrap());
    let paused =
        Reason::KeyPaused { at: NOW, by: "user".to_owned(), reason: Some("no money".to_owned()), probe_at: None };
    assert_eq!(reason(1, NOW).await, Some(paused));
}

//! Counts and sums over trials.

use oddish_db::attempts::{self, Outcome};
use oddish_db::jobs::Recorded;
use oddish_db::trial_selection::{Scope, Selection};
use oddish_db::{Db, cancelling, queue, retrying};
use oddish_test_support::scene::{NOW, RULES, Scene, process, reward, trial_specs, wrong_tallies};
use oddish_test_support::with_database;
use time::Duration;

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Tally {
    total: i64,
    succeeded: i64,
    failed: i64,
    rewarded: i64,
    reward_ones: i64,
    reward_sum: f64,
    unconfirmed: i64,
    output_tokens: i64,
    cost_usd: f64,
    timed: i64,
    duration_sec: f64,
}

async fn tally(db: &Db) -> Tally {
    let sql = "select total, succeeded, failed, rewarded, reward_ones, reward_sum, unconfirmed, output_tokens, cost_usd, timed,
            duration_sec from oddish.trial_tallies";
    sqlx::query_as(sql).fetch_one(db).await.unwrap()
}

#[with_database]
async fn they_follow_the_trials(db: Db) {
    let scene = Scene::new(db.clone()).limit("k", 8).await;
    let task = scene.task(3, "k").await;
    let none = Tally {
        total: 3,
        succeeded: 0,
        failed: 0,
        rewarded: 0,
        reward_ones: 0,
        reward_sum: 0.0,
        unconfirmed: 0,
        output_tokens: 0,
        cost_usd: 0.0,
        timed: 0,
        duration_sec: 0.0,
    };
    assert_eq!(tally(&db).await, none);

    for (given, tokens) in [(1.0, 10), (0.25, 5)] {
        let claim = scene.begun().await;
        let outcome = Outcome { output_tokens: Some(tokens), cost_usd: Some(0.5), ..reward(given) };
        attempts::record(&db, claim.attempt.token, &outcome, &RULES, NOW + Duration::seconds(30)).await.unwrap();
    }
    let two = Tally {
        succeeded: 2,
        rewarded: 2,
        reward_ones: 1,
        reward_sum: 1.25,
        output_tokens: 15,
        cost_usd: 1.0,
        timed: 2,
        duration_sec: 60.0,
        ..none
    };
    assert_eq!(tally(&db).await, two);

    let all = oddish_db::trial_selection::ids(&db, &Selection::all(Scope::Tasks(vec![task.clone()]))).await.unwrap();
    cancelling::cancel(&db, &all, std::slice::from_ref(&task), NOW).await.unwrap();
    assert_eq!(tally(&db).await, Tally { failed: 1, ..two });

    retrying::retry(&db, &all, NOW).await.unwrap();
    assert_eq!(tally(&db).await, Tally { total: 3, ..none });

    // Others of another key have a tally of their own.
    scene.append(&task, None, &trial_specs(2, "other")).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.trial_tallies").await, 2);
    assert_eq!(wrong_tallies(&db).await, Vec::<String>::new());
}

/// A reward beside an exception that lets none count is kept when no try is left, and is in no sum.
#[with_database]
async fn an_unconfirmed_reward_is_counted_apart(db: Db) {
    let scene = Scene::new(db.clone()).max_attempts(2).limit("k", 8).await;
    let task = scene.task(1, "k").await;
    let void = Outcome {
        unconfirmed_reward: Some(0.5),
        error_type: Some("RuntimeError".to_owned()),
        error_message: Some("no".to_owned()),
        ..Outcome::default()
    };
    let kept =
        "select count(*) from oddish.trials where unconfirmed_reward = 0.5 and reward is null and status = 'failed'";
    let first = scene.begun().await;
    let recorded = attempts::record(&db, first.attempt.token, &void, &RULES, NOW).await.unwrap();
    let Recorded::Retried { at } = recorded else { panic!("{recorded:?}") };
    assert_eq!(scene.count(kept).await, 0, "a try is left");
    let second = queue::claim(&db, 1, at).await.unwrap().pop().unwrap();
    assert!(attempts::begin(&db, second.attempt.token, &process(), at).await.unwrap().is_some());
    assert_eq!(attempts::record(&db, second.attempt.token, &void, &RULES, at).await.unwrap(), Recorded::Ended);
    assert_eq!(scene.count(kept).await, 1);
    let tally = tally(&db).await;
    assert_eq!((tally.failed, tally.rewarded, tally.reward_sum, tally.unconfirmed), (1, 0, 0.0, 1));
    assert_eq!(wrong_tallies(&db).await, Vec::<String>::new());

    let all = oddish_db::trial_selection::ids(&db, &Selection::all(Scope::Tasks(vec![task]))).await.unwrap();
    retrying::retry(&db, &all, at).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.trials where unconfirmed_reward is not null").await, 0);
    assert_eq!(wrong_tallies(&db).await, Vec::<String>::new());
}

//! Counts and sums over trials.

use oddish_db::attempts::{self, Outcome};
use oddish_db::retrying;
use oddish_db::trial_selection::{Scope, Selection};
use oddish_db::{Db, cancelling};
use oddish_test_support::with_database;
use time::Duration;

use crate::scene::{NOW, RULES, Scene, reward, trial_specs, wrong_tallies};

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Tally {
    total: i64,
    succeeded: i64,
    failed: i64,
    rewarded: i64,
    reward_ones: i64,
    reward_sum: f64,
    output_tokens: i64,
    cost_usd: f64,
    timed: i64,
    duration_sec: f64,
}

async fn tally(db: &Db) -> Tally {
    let sql = "select total, succeeded, failed, rewarded, reward_ones, reward_sum, output_tokens, cost_usd, timed, duration_sec
        from oddish.trial_tallies";
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

//! What a pass claims, what becomes of claims that are not launched, and what makes the next pass come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use oddish_artifacts::key::attempt_outcome_key;
use oddish_db::attempts::{Outcome, StoredOutcome};
use oddish_db::jobs::{Fenced, ProcessIdentity};
use oddish_db::queue::Claim;
use oddish_db::{Db, DbError, leases, wake};
use oddish_dispatcher::{LaunchError, Lost};
use oddish_test_support::with_database;
use time::OffsetDateTime;

use crate::queue::{Queue, closer, eventually};
use crate::scripted::{Script, Step};

fn process() -> ProcessIdentity {
    ProcessIdentity { host: "elsewhere".to_owned(), pid: 1, started_at: OffsetDateTime::now_utc() }
}

fn busy() -> LaunchError {
    LaunchError::Busy { reason: "no processes are left".to_owned() }
}

#[with_database]
async fn no_more_is_claimed_than_there_is_room_for(db: Db) {
    let queue = Queue::with_limit(db, 8).await;
    queue.submit(5, 1).await;
    let mut dispatcher = Script { places: 2, ..Script::default() }.start(&queue.db);
    dispatcher.launched().await;
    dispatcher.launched().await;
    assert_eq!(queue.outcomes().await, ["open", "open"]);
    dispatcher.launcher.add_places(1);
    wake::notify(&queue.db).await.unwrap();
    dispatcher.launched().await;
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["open", "open", "open"]);
}

/// More than one call claims: the dispatcher goes on at once until nothing is due.
#[with_database]
async fn a_long_queue_is_claimed_without_a_pause(db: Db) {
    let queue = Queue::with_limit(db, 1000).await;
    queue.submit(1000, 1).await;
    let begun = Instant::now();
    let mut dispatcher = Script { places: 1000, ..Script::default() }.start(&queue.db);
    for _ in 0..1000 {
        dispatcher.launched().await;
    }
    // Ten batches with a pause between them would take forty-five seconds.
    assert!(begun.elapsed() < Duration::from_secs(30), "it paused: {:?}", begun.elapsed());
    dispatcher.stop().await;
}

/// Who calls the dispatcher learns of all passes what was claimed, launched and refused.
#[with_database]
async fn a_call_tells_what_came_of_every_claim(db: Db) {
    let queue = Queue::with_limit(db, 1000).await;
    queue.submit(103, 1).await;
    let never = || LaunchError::Never { reason: "it has no image".to_owned() };
    let script = Script { places: 1000, answers: vec![never(), never()], ..Script::default() };
    let done = script.dispatch(&queue.db).await;
    assert_eq!((done.claimed, done.launched.len()), (103, 101));
    assert_eq!(done.refused, BTreeMap::from([("never", 2)]));
}

#[with_database]
async fn a_call_counts_what_was_refused_by_its_reason(db: Db) {
    let queue = Queue::with_limit(db, 1000).await;
    queue.submit(3, 1).await;
    let never = || LaunchError::Never { reason: "it has no image".to_owned() };
    let script = Script { places: 1000, answers: vec![busy(), never()], ..Script::default() };
    let done = script.dispatch(&queue.db).await;
    assert_eq!((done.claimed, done.launched.len()), (3, 1));
    assert_eq!(done.refused, BTreeMap::from([("busy", 1), ("never", 1)]));
}

#[with_database]
async fn a_claim_for_which_there_was_no_room_costs_nothing_and_is_made_again(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let mut dispatcher = Script { places: 1, answers: vec![busy()], ..Script::default() }.start(&queue.db);
    assert_eq!(dispatcher.launched().await.attempt.number, 1);
    let first = Instant::now();
    assert_eq!(dispatcher.launched().await.attempt.number, 2);
    // A lower bound: a machine that has no room would otherwise be asked in a tight loop.
    assert!(first.elapsed() > Duration::from_secs(1), "asked again after {:?}", first.elapsed());
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["given_back", "open"]);
    assert_eq!(queue.trials().await, [("queued".to_owned(), 0, None)]);
    let error: String =
        sqlx::query_scalar("select error from oddish.attempts where number = 1").fetch_one(&queue.db).await.unwrap();
    assert!(error.contains("no processes are left"), "{error}");
}

#[with_database]
async fn a_trial_that_can_never_be_launched_fails_and_the_next_goes_on(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(2, 6).await;
    let never = LaunchError::Never { reason: "there is no such program".to_owned() };
    let mut dispatcher = Script { places: 1, answers: vec![never], ..Script::default() }.start(&queue.db);
    let failed = dispatcher.launched().await;
    assert_ne!(dispatcher.launched().await.attempt.subject, failed.attempt.subject);
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["launch_failed", "open"]);
    let (status, _, error) = queue.trials().await.remove(0);
    assert_eq!(status, "failed");
    assert!(error.unwrap().contains("there is no such program"));
}

/// By itself it would look every five seconds.
#[with_database]
async fn it_looks_when_it_is_woken(db: Db) {
    let mut dispatcher = Script { places: 1, ..Script::default() }.start(&db);
    dispatcher.pass().await;
    let begun = Instant::now();
    for _ in 0..10 {
        wake::notify(&db).await.unwrap();
        dispatcher.pass().await;
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "it was not woken: {:?}", begun.elapsed());
    dispatcher.stop().await;
}

/// No wake comes when such a runner dies.
#[with_database]
async fn it_looks_more_often_while_others_runners_live(db: Db) {
    let mut dispatcher = Script { watching: true, ..Script::default() }.start(&db);
    dispatcher.pass().await;
    let begun = Instant::now();
    for _ in 0..4 {
        dispatcher.pass().await;
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "it looks too seldom: {:?}", begun.elapsed());
    dispatcher.stop().await;
}

#[with_database]
async fn a_pass_that_fails_is_made_again(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let fault = DbError::Unknown { what: "nonsense".to_owned() };
    let mut dispatcher = Script { places: 1, faults: vec![fault], ..Script::default() }.start(&queue.db);
    dispatcher.pass().await;
    wake::notify(&queue.db).await.unwrap();
    dispatcher.launched().await;
    dispatcher.stop().await;
}

/// The connection that hears of new work breaks, as when the database restarts.
#[with_database]
async fn it_hears_again_when_its_connection_broke(db: Db) {
    let queue = Queue::with_limit(db, 8).await;
    let mut dispatcher = Script { places: 8, ..Script::default() }.start(&queue.db);
    dispatcher.pass().await;
    let listening = "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen%'";
    let broken: i32 = eventually("the dispatcher to listen", async || {
        sqlx::query_scalar(listening).fetch_optional(&queue.db).await.unwrap()
    })
    .await;
    sqlx::query("select pg_terminate_backend($1)").bind(broken).execute(&queue.db).await.unwrap();
    eventually("the dispatcher to listen again", async || {
        let pid: Option<i32> = sqlx::query_scalar(listening).fetch_optional(&queue.db).await.unwrap();
        pid.filter(|pid| *pid != broken)
    })
    .await;
    queue.submit(1, 1).await;
    wake::notify(&queue.db).await.unwrap();
    dispatcher.launched().await;
    dispatcher.stop().await;
}

#[with_database]
async fn a_claim_that_no_runner_begins_is_made_again(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let mut dispatcher = Script { places: 2, ..Script::default() }.start(&queue.db);
    assert_eq!(dispatcher.launched().await.attempt.number, 1);
    // The time to begin counts from the launcher's answer, which is noted after it.
    eventually("the launch to be noted", async || {
        let noted = "select 1 from oddish.jobs where begin_by > now() + interval '2 minutes'";
        sqlx::query_scalar::<_, i32>(noted).fetch_optional(&queue.db).await.unwrap()
    })
    .await;
    queue.change("update oddish.jobs set begin_by = now() - interval '1 second'").await;
    wake::notify(&queue.db).await.unwrap();
    assert_eq!(dispatcher.launched().await.attempt.number, 2);
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["given_back", "open"]);
}

/// Runners on other machines may die without anybody seeing it.
#[with_database]
async fn a_runner_without_a_lease_is_cleared_away_and_its_trial_tried_again(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let mut dispatcher = Script { places: 2, ..Script::default() }.start(&queue.db);
    let first = dispatcher.launched().await;
    queue.begin(&first, &process()).await;
    queue
        .change("update oddish.jobs set lease_until = now() - interval '1 minute', suspect_since = now() - interval '1 minute'")
        .await;
    let dead = dispatcher.cleared().await;
    assert_eq!(
        (dead.attempt.token, dead.process.host.as_str(), dead.process.pid),
        (first.attempt.token, "elsewhere", 1)
    );
    assert_eq!(dispatcher.launched().await.attempt.number, 2);
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["lost", "open"]);
}

/// It is the first to notice, as after an outage of the database: nobody is reaped then and there.
#[with_database]
async fn a_lease_that_ran_out_makes_suspect_and_no_more(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let mut dispatcher = Script { places: 2, watching: true, ..Script::default() }.start(&queue.db);
    let first = dispatcher.launched().await;
    queue.begin(&first, &process()).await;
    queue.change("update oddish.jobs set lease_until = now() - interval '1 hour'").await;
    eventually("the runner to be suspect", async || {
        let suspects = "select 1 from oddish.jobs where suspect_since is not null";
        sqlx::query_scalar::<_, i32>(suspects).fetch_optional(&queue.db).await.unwrap()
    })
    .await;
    let renewed = leases::renew(&queue.db, first.attempt.token, OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(renewed, Fenced::Accepted, "it was not reaped");
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["open"]);
}

/// A finished trial is not paid for twice: the outcome that the dead runner stored is recorded in its place.
#[with_database]
async fn the_outcome_of_a_dead_runner_is_adopted_from_the_store(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let mut dispatcher = Script { places: 2, ..Script::default() }.start(&queue.db);
    let claim = dispatcher.launched().await;
    queue.begin(&claim, &process()).await;
    let rewards = serde_json::json!({"reward": 0.5});
    let outcome = Outcome { succeeded: true, reward: Some(0.5), rewards: Some(rewards), ..Outcome::default() };
    store_outcome(&queue, &claim, &StoredOutcome { token: claim.attempt.token, outcome }).await;
    queue
        .change("update oddish.jobs set lease_until = now() - interval '1 minute', suspect_since = now() - interval '1 minute'")
        .await;
    eventually("the trial to end", async || (queue.trials().await[0].0 == "success").then_some(())).await;
    let steps = dispatcher.stop().await;
    assert!(!steps.iter().any(|step| matches!(step, Step::Launch(_))), "{steps:?}");
    assert_eq!(queue.outcomes().await, ["recorded"]);
}

/// Whoever notices that a runner is gone.
#[with_database]
async fn the_outcome_that_a_lost_runner_stored_is_recorded(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    queue.begin(&claim, &process()).await;
    let outcome = Outcome { error_type: Some("RewardMissing".to_owned()), ..Outcome::default() };
    store_outcome(&queue, &claim, &StoredOutcome { token: claim.attempt.token, outcome }).await;
    let lost = Lost { attempt: &claim.attempt, how: "it is gone" };
    closer(&queue.db).lost(lost).await.unwrap();
    assert_eq!(queue.outcomes().await, ["recorded"]);
    assert_eq!(queue.trials().await[0].0, "failed");
}

/// What an earlier attempt left under another token is none of this one's.
#[with_database]
async fn an_outcome_under_another_token_is_not_adopted(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    queue.begin(&claim, &process()).await;
    let outcome = Outcome { succeeded: true, ..Outcome::default() };
    store_outcome(&queue, &claim, &StoredOutcome { token: uuid::Uuid::new_v4(), outcome }).await;
    let lost = Lost { attempt: &claim.attempt, how: "it is gone" };
    closer(&queue.db).lost(lost).await.unwrap();
    assert_eq!(queue.outcomes().await, ["lost"]);
    assert_eq!(queue.trials().await[0].0, "retrying");
}

async fn store_outcome(queue: &Queue, claim: &Claim, stored: &StoredOutcome) {
    let (task_id, _) = oddish_domain::id::parse_trial_id(&claim.attempt.subject).unwrap();
    let key = attempt_outcome_key(task_id, &claim.attempt.subject, claim.attempt.number.unsigned_abs()).unwrap();
    closer(&queue.db).store.put(&key, serde_json::to_vec(stored).unwrap().into()).await.unwrap();
}

#[with_database]
async fn a_lowered_limit_is_carried_through(db: Db) {
    let queue = Queue::with_limit(db, 2).await;
    queue.submit(3, 1).await;
    let mut dispatcher = Script { places: 3, ..Script::default() }.start(&queue.db);
    let running = [dispatcher.launched().await, dispatcher.launched().await];
    for claim in &running {
        queue.begin(claim, &process()).await;
    }
    queue.set_limit(1).await;
    for claim in &running {
        queue.record(claim).await;
    }
    wake::notify(&queue.db).await.unwrap();
    dispatcher.launched().await;
    dispatcher.stop().await;
    assert_eq!(queue.outcomes().await, ["recorded", "recorded", "open"]);
}

#[with_database]
async fn told_to_stop_it_stops_its_runners_and_claims_nothing_more(db: Db) {
    let queue = Queue::with_limit(db, 8).await;
    let mut dispatcher = Script { places: 8, ..Script::default() }.start(&queue.db);
    dispatcher.pass().await;
    let steps = dispatcher.stop().await;
    assert!(matches!(steps.last(), Some(Step::Stop)), "{steps:?}");
}

//! Five hundred trials on an ECS where everything that can go wrong does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use oddish_db::Db;
use oddish_db::attempts::{self, Outcome};
use oddish_db::jobs::{ProcessIdentity, Recorded};
use oddish_dispatcher::{Closer, Dispatcher, EcsLauncher, EcsSettings, TaskStateChange};
use oddish_domain::retry::RetrySettings;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::fake_ecs::{FakeEcs, Trouble, error, failures, variable};
use crate::queue::{Queue, closer};

const TRIALS: i32 = 500;
const LIMIT: u32 = 60;

/// What becomes of a task that was started.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It runs its trial.
    Runs,
    /// It never comes up, and ECS says so.
    NeverStarts,
    /// It begins and is gone.
    Dies,
    /// The same.
    SpotTakesIt,
    /// It runs its trial, and so does another with the same token.
    StartsTwice,
}

/// What the simulated runners did.
#[derive(Default)]
struct Tally {
    recorded: AtomicUsize,
    /// Attempts that began, one after the other.
    begun: Mutex<Vec<Uuid>>,
}

fn rules() -> RetrySettings {
    RetrySettings { backoff_base: Duration::ZERO, backoff_max: Duration::ZERO, ..RetrySettings::default() }
}

fn dispatcher(queue: &Queue, ecs: &FakeEcs) -> (Arc<EcsLauncher>, Dispatcher) {
    let settings = EcsSettings { pause_after_refusal: Duration::from_millis(5), ..FakeEcs::settings() };
    let launcher = Arc::new(ecs.launcher_with(&queue.db, settings));
    let closer = Closer { rules: rules(), ..closer(&queue.db) };
    (Arc::clone(&launcher), Dispatcher::new(closer, launcher))
}

/// One runner: begins, works for a moment, records.
async fn runner(db: Db, token: Uuid, tally: Arc<Tally>) {
    let process = ProcessIdentity { host: token.to_string(), pid: 1, started_at: OffsetDateTime::now_utc() };
    let begun = attempts::begin(&db, token, &process, OffsetDateTime::now_utc()).await.unwrap();
    if begun.is_none() {
        return;
    }
    tally.begun.lock().unwrap().push(token);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let outcome =
        Outcome { succeeded: true, reward: Some(1.0), rewards: Some(json!({"reward": 1.0})), ..Outcome::default() };
    let recorded = attempts::record(&db, token, &outcome, &rules(), OffsetDateTime::now_utc()).await.unwrap();
    if recorded != Recorded::Stale {
        tally.recorded.fetch_add(1, Ordering::SeqCst);
    }
}

/// What happens to each new task. Of the ends that ECS tells, a third is lost on the way.
async fn live(queue: &Queue, ecs: &FakeEcs, task: Value, mut random: Rng, tally: Arc<Tally>) {
    let token: Uuid = variable(&task, "ODDISH_ATTEMPT_TOKEN").parse().unwrap();
    let arn = task["taskArn"].as_str().unwrap();
    let fate = match random.u8(0..100) {
        0..60 => Fate::Runs,
        60..70 => Fate::NeverStarts,
        70..80 => Fate::Dies,
        80..90 => Fate::SpotTakesIt,
        _ => Fate::StartsTwice,
    };
    let process = ProcessIdentity { host: token.to_string(), pid: 1, started_at: OffsetDateTime::now_utc() };
    let (code, reason) = match fate {
        Fate::Runs | Fate::StartsTwice => {
            let first = runner(queue.db.clone(), token, Arc::clone(&tally));
            if matches!(fate, Fate::StartsTwice) {
                tokio::join!(first, runner(queue.db.clone(), token, tally));
            } else {
                first.await;
            }
            ("EssentialContainerExited", "Essential container in task exited")
        }
        Fate::NeverStarts => ("TaskFailedToStart", "Timeout waiting for network interface provisioning"),
        Fate::Dies | Fate::SpotTakesIt => {
            if attempts::begin(&queue.db, token, &process, OffsetDateTime::now_utc()).await.unwrap().is_some() {
                tally.begun.lock().unwrap().push(token);
            }
            match fate {
                Fate::Dies => ("EssentialContainerExited", "Essential container in task exited"),
                _ => ("SpotInterruption", "Your Spot Task was interrupted."),
            }
        }
    };
    let event = ecs.end(arn, code, reason, None);
    if random.u8(0..3) > 0 {
        let change: TaskStateChange = serde_json::from_value(event["detail"].clone()).unwrap();
        let closer = Closer { rules: rules(), ..closer(&queue.db) };
        change.note(&closer).await.unwrap();
    }
}

#[with_database]
async fn all_trials_end_and_none_is_recorded_twice(db: Db) {
    let seed = std::env::var("ODDISH_CHAOS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut random = Rng::with_seed(seed);
    let queue = Queue::with_limit(db, LIMIT).await;
    queue.submit(TRIALS, 20).await;
    let ecs = FakeEcs::start().await;
    let mut troubles = random.fork();
    ecs.trouble(move || match troubles.u8(0..100) {
        0..7 => Trouble::Refused(error("ThrottlingException", "Rate exceeded")),
        7..12 => Trouble::Refused(failures("Capacity is unavailable at this time")),
        12..15 => Trouble::Refused(error("InvalidParameterException", "Request was throttled")),
        15..20 => Trouble::Unanswered,
        _ => Trouble::None,
    });
    let tally = Arc::new(Tally::default());
    // Two functions at once, as with a schedule and a wake.
    let (launcher, one) = dispatcher(&queue, &ecs);
    let (_, other) = dispatcher(&queue, &ecs);
    let mut seen = std::collections::HashSet::new();
    let patience = Instant::now() + Duration::from_mins(4);
    let open = "select count(*) from oddish.trials where status in ('queued', 'running', 'retrying')";
    loop {
        let left: i64 = sqlx::query_scalar(open).fetch_one(&queue.db).await.unwrap();
        if left == 0 {
            break;
        }
        assert!(Instant::now() < patience, "{left} trials are still open, with seed {seed}");
        let soon = Instant::now() + Duration::from_secs(1);
        let (first, second) = tokio::join!(one.dispatch(soon), other.dispatch(soon));
        first.unwrap();
        second.unwrap();
        let new: Vec<Value> =
            ecs.tasks().into_iter().filter(|task| seen.insert(task["taskArn"].as_str().unwrap().to_owned())).collect();
        let lives = new.into_iter().map(|task| live(&queue, &ecs, task, random.fork(), Arc::clone(&tally)));
        futures_util::future::join_all(lives).await;
        let busy: i64 = sqlx::query_scalar("select count(*) from oddish.jobs where slot is not null")
            .fetch_one(&queue.db)
            .await
            .unwrap();
        assert!(busy <= i64::from(LIMIT), "{busy} jobs hold slots");
        launcher.sweep().await.unwrap();
        // Whatever waits for its next try is due: the test has no time for that.
        queue.change("update oddish.jobs set due_at = now() where state = 'waiting'").await;
    }
    let ended: Vec<(String, i64)> = sqlx::query_as("select status, count(*) from oddish.trials group by 1 order by 1")
        .fetch_all(&queue.db)
        .await
        .unwrap();
    let successes = ended.iter().find(|(status, _)| status == "success").map_or(0, |(_, count)| *count);
    assert_eq!(ended.iter().map(|(_, count)| count).sum::<i64>(), i64::from(TRIALS));
    assert!(successes > 450, "{ended:?} with seed {seed}");
    let recorded: i64 = sqlx::query_scalar("select count(*) from oddish.attempts where outcome = 'recorded'")
        .fetch_one(&queue.db)
        .await
        .unwrap();
    assert_eq!(recorded, successes, "each success was recorded once");
    assert_eq!(tally.recorded.load(Ordering::SeqCst), usize::try_from(successes).unwrap());
    let begun = tally.begun.lock().unwrap().clone();
    let different: std::collections::HashSet<&Uuid> = begun.iter().collect();
    assert_eq!(different.len(), begun.len(), "no attempt began twice");
    let twice: i64 = sqlx::query_scalar(
        "select count(*) from (select trial_id from oddish.attempts where outcome = 'recorded' group by 1 having count(*) > 1) t",
    )
    .fetch_one(&queue.db)
    .await
    .unwrap();
    assert_eq!(twice, 0);
    let held: i64 = sqlx::query_scalar("select count(*) from oddish.jobs").fetch_one(&queue.db).await.unwrap();
    assert_eq!(held, 0);
    let running: Vec<Value> = ecs.tasks().into_iter().filter(|task| task["lastStatus"] != "STOPPED").collect();
    assert!(running.is_empty(), "{} tasks still run", running.len());
}

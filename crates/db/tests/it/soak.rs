//! Everything at once for a while: 32 dispatchers whose runners do well, fail, are lost or forgotten, users who submit, cancel, retry and
//! change limits, and an operator who breaks the dispatchers' connections. `cargo xtask soak queue` runs it for longer.
//!
//! `ODDISH_SOAK_SECONDS` says how long (10), `ODDISH_SOAK_SEED` repeats the choices of an earlier run, though not who came first.

mod audit;
mod chaos;
mod dispatcher;
mod ledger;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oddish_db::{Db, queue_keys};
use oddish_test_support::Through;
use oddish_test_support::scene::{NOW, Scene};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use time::OffsetDateTime;

use self::ledger::Ledger;

const DISPATCHERS: usize = 32;
const KEYS: [&str; 4] = ["a/one", "b/two", "c/three", "d/four"];
/// How much faster the soak's time goes than ours: a lease of five minutes runs out in a second and a half.
const SPEED: u32 = 200;
/// How long the work that is left may take in the end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What all who take part share.
struct Soak {
    scene: Scene,
    begun: Instant,
    /// From now on nothing goes wrong, so that all work comes to its end.
    calm: AtomicBool,
    /// Nothing is left to do.
    drained: AtomicBool,
    ledger: Ledger,
}

impl Soak {
    fn now(&self) -> OffsetDateTime {
        NOW + self.begun.elapsed() * SPEED
    }

    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    fn is_drained(&self) -> bool {
        self.drained.load(Ordering::SeqCst)
    }

    fn db(&self) -> &Db {
        &self.scene.db
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is no number: {value}")))
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn queue(_: PgPoolOptions, database: PgConnectOptions) {
    let seconds = number("ODDISH_SOAK_SECONDS").unwrap_or(10);
    let seed = number("ODDISH_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("soak: {seconds} s with ODDISH_SOAK_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    // Users and observers go past a pooler: there, a dispatcher's connection that is broken may be theirs a moment later.
    let users = Through::Nothing.connect(&database.clone().application_name("users"), 8);
    audit::install(&users).await;
    let soak = Arc::new(Soak {
        scene: Scene::new(users),
        begun: Instant::now(),
        calm: AtomicBool::new(false),
        drained: AtomicBool::new(false),
        ledger: Ledger::default(),
    });
    for key in KEYS {
        queue_keys::set_limit(soak.db(), key, 3, NOW).await.unwrap();
    }

    let mut pools = Vec::new();
    let mut dispatchers = tokio::task::JoinSet::new();
    for _ in 0..DISPATCHERS {
        let db = Through::chosen().connect(&database.clone().application_name(dispatcher::NAME), 2);
        pools.push(db.clone());
        dispatchers.spawn(dispatcher::dispatch(Arc::clone(&soak), db, random.fork()));
    }
    let watcher = tokio::spawn(audit::watch(Arc::clone(&soak)));
    let mut chaos = tokio::task::JoinSet::new();
    chaos.spawn(chaos::submit(Arc::clone(&soak), random.fork()));
    chaos.spawn(chaos::cancel(Arc::clone(&soak), random.fork()));
    chaos.spawn(chaos::retry(Arc::clone(&soak), random.fork()));
    chaos.spawn(chaos::change_limits(Arc::clone(&soak), random.fork()));
    chaos.spawn(chaos::break_connections(Arc::clone(&soak)));

    tokio::time::sleep(Duration::from_secs(seconds)).await;
    soak.calm.store(true, Ordering::SeqCst);
    chaos.join_all().await;
    for key in KEYS {
        queue_keys::set_limit(soak.db(), key, 8, soak.now()).await.unwrap();
        queue_keys::resume(soak.db(), key, soak.now()).await.unwrap();
    }
    let draining = async {
        while soak.scene.count("select count(*) from oddish.jobs").await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let drained = tokio::time::timeout(PATIENCE, draining).await.is_ok();
    soak.drained.store(true, Ordering::SeqCst);
    dispatchers.join_all().await;
    watcher.await.unwrap();

    audit::check_records(&soak).await;
    println!("soak: {}", soak.ledger.summary());
    assert_eq!(soak.ledger.violations(), Vec::<String>::new());
    assert!(soak.ledger.counted("connections broken") > 0, "no dispatcher lost its connection");
    assert!(drained, "jobs are left:\n{}", audit::left(soak.db()).await);
    soak.scene.assert_consistent().await;
    let unfinished = "select (select count(*) from oddish.trials where status not in ('success', 'failed'))
        + (select count(*) from oddish.tasks where status not in ('completed', 'failed'))";
    assert_eq!(soak.scene.count(unfinished).await, 0);
    soak.db().close().await;
    for db in pools {
        db.close().await;
    }
}

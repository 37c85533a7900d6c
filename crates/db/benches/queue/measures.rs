//! What is measured.

use std::time::{Duration, Instant};

use oddish_db::attempts;
use oddish_db::queue::{self, Claim};
use oddish_db::sweeps::{self, NewSweep};
use oddish_db::{Db, leases};
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sweep::TrialSpec;
use oddish_test_support::scene::{Scene, trial_spec};
use time::OffsetDateTime;

use crate::data::{Keys, forget_claimed};
use crate::floor::Floor;
use crate::{Bar, Outcome, figure, median, ms, quantile, run, step, timed};

async fn claim(db: &Db, most: u32) -> Outcome<Vec<Claim>> {
    Ok(queue::claim(db, most, OffsetDateTime::now_utc()).await?)
}

/// Plans, claims and commits 1000 jobs, twenty times. Returns the median in milliseconds.
pub(crate) async fn claims(db: &Db, keys: &Keys, queue: &str, floor: &Floor) -> Outcome<f64> {
    step(&format!("claiming 1000 at {} keys, {queue}", keys.count));
    let mut times = Vec::new();
    let mut calls_with_fewer = 0;
    // The first calls of a connection make its plans.
    for number in 0..25 {
        let (claims, time) = timed(claim(db, 1000)).await?;
        calls_with_fewer += u32::from(claims.len() < 1000);
        forget_claimed(db).await?;
        if number >= 5 {
            times.push(time);
        }
    }
    if calls_with_fewer > 2 {
        return Err(format!("{calls_with_fewer} claims found fewer than 1000 jobs").into());
    }
    let time = median(&mut times);
    let name = format!("{} keys, {queue}: claim 1000", keys.count);
    figure(&name, time, "ms", &Bar::None);
    figure(&format!("{name}, against the floor"), time / floor.our_tables, "x", &Bar::AtMost(keys.bar));
    figure(&format!("{name}, against a bare table"), time / floor.bare_table, "x", &Bar::None);
    Ok(time)
}

/// Claims one job after another.
pub(crate) async fn one_claim(db: &Db, keys: &Keys) -> Outcome {
    step(&format!("claiming one at {} keys", keys.count));
    let mut times = Vec::new();
    for _ in 0..300 {
        let (claims, time) = timed(claim(db, 1)).await?;
        if claims.len() != 1 {
            return Err("a claim found nothing".into());
        }
        times.push(time);
    }
    forget_claimed(db).await?;
    figure(&format!("{} keys: one claim, p50", keys.count), quantile(&mut times, 0.5), "ms", &Bar::None);
    figure(&format!("{} keys: one claim, p99", keys.count), quantile(&mut times, 0.99), "ms", &Bar::None);
    Ok(())
}

/// Claims and finishes, in batches. That the runners begin in between is not measured: each does so for itself.
pub(crate) async fn claim_and_finish(db: &Db) -> Outcome {
    let reward = attempts::Outcome {
        succeeded: true,
        reward: Some(1.0),
        rewards: Some(serde_json::json!({"reward": 1.0})),
        ..attempts::Outcome::default()
    };
    for (batch, rounds) in [(1, 300), (10, 100), (100, 60), (1000, 15)] {
        step(&format!("claiming and finishing in batches of {batch}"));
        let mut taken = 0.0;
        for _ in 0..rounds {
            let (claims, time) = timed(claim(db, batch)).await?;
            taken += time;
            begin_all(db).await?;
            let outcomes: Vec<_> = claims.iter().map(|claim| (claim.attempt.token, &reward)).collect();
            let begun = Instant::now();
            let now = OffsetDateTime::now_utc();
            let recorded = attempts::record_all(db, &outcomes, &RetrySettings::default(), now).await?;
            taken += ms(begun.elapsed());
            if recorded.len() != batch as usize || recorded.contains(&oddish_db::jobs::Recorded::Stale) {
                return Err("not all that was claimed was recorded".into());
            }
        }
        let name = format!("claim + finish, batches of {batch}");
        let bar = if batch == 100 { Bar::AtLeast(5000.0) } else { Bar::None };
        figure(&name, f64::from(batch * rounds) / taken * 1000.0, "/s", &bar);
    }
    Ok(())
}

/// Has runners begin everything that is claimed.
async fn begin_all(db: &Db) -> Outcome {
    run(
        db,
        "with begun as (
            update oddish.jobs set state = 'begun', begin_by = null, lease_until = now() + interval '5 minutes'
            where state = 'claimed' and slot is not null returning trial_id, token),
        noted as (
            update oddish.attempts a set begun_at = now(), host = 'host', pid = 1, process_started_at = now()
            from begun where a.token = begun.token)
        update oddish.trials t set status = 'running', attempts = attempts + 1, started_at = now()
        from begun where t.id = begun.trial_id",
    )
    .await
}

/// Renews 1000 leases five times each, after a first time that is not measured: it meets pages as a checkpoint left them.
pub(crate) async fn heartbeats(db: &Db) -> Outcome {
    step("renewing leases");
    let claims = claim(db, 1000).await?;
    begin_all(db).await?;
    renew_all(db, &claims).await?;
    let before = Counters::read(db).await?;
    let begun = Instant::now();
    for _ in 0..5 {
        renew_all(db, &claims).await?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = Counters::read(db).await?;
    let updates = (after.updates - before.updates) as f64;
    figure("heartbeats: HOT updates", (after.hot - before.hot) as f64 / updates * 100.0, "%", &Bar::AtLeast(90.0));
    figure("heartbeats: WAL", (after.wal - before.wal) as f64 / updates, "bytes each", &Bar::None);
    figure("heartbeats, over 8 connections", updates / seconds, "/s", &Bar::None);
    forget_claimed(db).await
}

/// Renews all leases, eight at a time.
async fn renew_all(db: &Db, claims: &[Claim]) -> Outcome {
    for renewed in claims.chunks(8) {
        let now = OffsetDateTime::now_utc();
        let all = renewed.iter().map(|claim| leases::renew(db, claim.attempt.token, now));
        for renewed in futures_util::future::join_all(all).await {
            renewed?;
        }
    }
    Ok(())
}

/// What the server counted so far.
struct Counters {
    updates: i64,
    hot: i64,
    wal: i64,
}

impl Counters {
    async fn read(db: &Db) -> Outcome<Self> {
        // An idle server process reports what it did within ten seconds.
        tokio::time::sleep(Duration::from_secs(12)).await;
        let sql = "select n_tup_upd, n_tup_hot_upd, (pg_current_wal_lsn() - '0/0')::bigint from pg_stat_user_tables
            where schemaname = 'oddish' and relname = 'jobs'";
        let (updates, hot, wal) = sqlx::query_as(sql).fetch_one(db).await?;
        Ok(Self { updates, hot, wal })
    }
}

/// Submits 100 sweeps of 1000 trials.
pub(crate) async fn enqueue(db: &Db) -> Outcome {
    step("submitting 100 sweeps of 1000 trials");
    let trials: Vec<TrialSpec> =
        (0..1000).map(|index| trial_spec(index, &format!("provider/model-{}", index % 20))).collect();
    let scene = Scene::new(db.clone());
    let limits = ConcurrencyLimits::default();
    let begun = Instant::now();
    for number in 0..100 {
        let task_id = format!("task-{number}");
        let sweep = NewSweep { append: true, ..scene.new_sweep(&task_id, &trials) };
        sweeps::create(db, &sweep, &limits, OffsetDateTime::now_utc()).await?;
    }
    figure("enqueue 100k trials", 100_000.0 / begun.elapsed().as_secs_f64(), "/s", &Bar::None);
    Ok(())
}

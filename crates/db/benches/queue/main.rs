//! How fast the queue is, against the server of `DATABASE_URL`, whose database it fills and empties.
//!
//! Every figure goes to standard output as one JSON object in a line; what is being done goes to standard error. `cargo xtask bench queue`
//! runs this and judges the figures.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]
#![expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]

mod data;
mod floor;
mod measures;

use std::error::Error;
use std::time::{Duration, Instant};

use oddish_db::{DatabaseSettings, Db};
use oddish_domain::settings::Settings;
use serde_json::json;
use sqlx::Executor as _;

/// What a figure must keep to.
enum Bar {
    None,
    AtMost(f64),
    AtLeast(f64),
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    // `cargo bench` passes `--bench`; `cargo test --benches` does not, and is not to wait for minutes.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let settings = Settings::from_map(std::env::vars().collect());
    let mut reader = settings.reader();
    let url = DatabaseSettings::read(&mut reader).url.ok_or("DATABASE_URL is not set")?;
    reader.finish()?;
    // One connection, so that all claims have the same plans; heartbeats come over many.
    let db = oddish_db::connect(&url, 1).await?;
    let many = oddish_db::connect(&url, 8).await?;
    oddish_db::schema::migrate(&db).await?;
    // It would run beside some of the measurements and not beside others; everything is vacuumed before each instead.
    for table in ["jobs", "attempts", "trials"] {
        let sql = format!("alter table oddish.{table} set (autovacuum_enabled = false)");
        db.execute(sqlx::AssertSqlSafe(sql)).await?;
    }
    let floor = floor::measure(&db).await?;
    for keys in [data::Keys { count: 20, limit: 50, bar: 3.0 }, data::Keys { count: 1000, limit: 8, bar: 6.0 }] {
        data::create(&db, &keys, 100_000).await?;
        measures::claims(&db, &keys, "100k queued", &floor).await?;
        data::add_queued(&db, &keys, 900_000).await?;
        let without = measures::claims(&db, &keys, "1M queued", &floor).await?;
        data::add_finished(&db, 1_000_000).await?;
        let with = measures::claims(&db, &keys, "1M queued, 1M finished", &floor).await?;
        let name = format!("{} keys: with 1M finished against none", keys.count);
        figure(&name, with / without, "x", &Bar::AtMost(1.3));
        measures::one_claim(&db, &keys).await?;
        if keys.count == 20 {
            measures::claim_and_finish(&db).await?;
            measures::heartbeats(&many).await?;
        }
    }
    measures::enqueue(&db).await?;
    db.execute("drop schema oddish cascade; drop schema floor cascade").await?;
    Ok(())
}

fn figure(name: &str, value: f64, unit: &str, bar: &Bar) {
    let (bar, at_least) = match bar {
        Bar::None => (None, false),
        Bar::AtMost(bar) => (Some(bar), false),
        Bar::AtLeast(bar) => (Some(bar), true),
    };
    println!("{}", json!({"name": name, "value": value, "unit": unit, "bar": bar, "at_least": at_least}));
}

fn step(what: &str) {
    eprintln!("    {what}");
}

/// Milliseconds of a time.
fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Runs something, and tells how many milliseconds it took.
async fn timed<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<(T, f64)> {
    let begun = Instant::now();
    let done = work.await?;
    Ok((done, ms(begun.elapsed())))
}

/// The value below which `share` of the values lie.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let place = ((values.len() as f64 - 1.0) * share).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Runs statements that take no parameters.
async fn run(db: &Db, sql: &'static str) -> Outcome {
    db.execute(sql).await?;
    Ok(())
}

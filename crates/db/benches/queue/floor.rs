//! What the server can do at all, which the queue is measured against.

use std::time::{Duration, Instant};

use oddish_db::Db;

use crate::data::settle;
use crate::{Bar, Outcome, figure, median, ms, run, step};

/// Milliseconds to claim 1000 jobs.
pub(crate) struct Floor {
    /// From a table with nothing but a state and a token.
    pub(crate) bare_table: f64,
    /// From tables with the columns and indexes of ours, with an attempt for each job.
    pub(crate) our_tables: f64,
}

/// How long commits are counted.
const COMMITS_FOR: Duration = Duration::from_secs(3);

pub(crate) async fn measure(db: &Db) -> Outcome<Floor> {
    step("measuring the floor");
    let setup = [
        "drop schema if exists floor cascade",
        "create schema floor",
        "create table floor.one (id int primary key, value int not null)",
        "insert into floor.one values (1, 0)",
        "create table floor.bare (id bigint primary key, state text not null, token uuid)",
        "create index on floor.bare (id) where state = 'ready'",
        "insert into floor.bare select number, 'ready' from generate_series(1, 100000) as number",
        "create table floor.jobs (like oddish.jobs including indexes)",
        "create table floor.attempts (like oddish.attempts including indexes)",
        "insert into floor.jobs (id, kind, trial_id, queue_key, submitter, priority, due_at, state, attempt)
            select number, 'trial', 'task-' || number % 1000 || '-' || number / 1000, 'provider/model-' || number % 20,
                'user' || number % 10, 1, now(), 'ready', 0
            from generate_series(1, 100000) as number",
    ];
    for sql in setup {
        run(db, sql).await?;
    }
    settle(db, &["floor.bare", "floor.jobs"]).await?;
    figure("floor: commits of one row", commits_a_second(db).await?, "/s", &Bar::None);
    let bare_table = claims(
        db,
        "update floor.bare set state = 'claimed', token = gen_random_uuid()
        where id in (select id from floor.bare where state = 'ready' order by id limit 1000 for update skip locked)
        returning token",
    )
    .await?;
    figure("floor: claim 1000, bare table", bare_table, "ms", &Bar::None);
    let our_tables = claims(
        db,
        "with claimed as (
            update floor.jobs set state = 'claimed', token = gen_random_uuid(), attempt = attempt + 1, begin_by = now()
            where id in (select id from floor.jobs where state = 'ready' order by id limit 1000 for update skip locked)
            returning kind, trial_id, attempt, token, queue_key)
        insert into floor.attempts (kind, trial_id, number, token, queue_key, slot, claimed_at)
        select kind, trial_id, attempt, token, queue_key, 0, now() from claimed
        returning token",
    )
    .await?;
    figure("floor: claim 1000, our tables", our_tables, "ms", &Bar::None);
    Ok(Floor { bare_table, our_tables })
}

async fn commits_a_second(db: &Db) -> Outcome<f64> {
    let begun = Instant::now();
    let mut commits = 0_u32;
    while begun.elapsed() < COMMITS_FOR {
        run(db, "update floor.one set value = value + 1").await?;
        commits += 1;
    }
    Ok(f64::from(commits) / begun.elapsed().as_secs_f64())
}

/// The median of 20 claims of 1000 rows.
async fn claims(db: &Db, sql: &'static str) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let rows = sqlx::query(sql).fetch_all(db).await?;
        times.push(ms(begun.elapsed()));
        if rows.len() != 1000 {
            return Err(format!("the floor claimed {} rows and not 1000", rows.len()).into());
        }
    }
    Ok(median(&mut times))
}

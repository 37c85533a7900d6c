//! How soon a submitted trial begins, and what a server does that has nothing to do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Bar, Figure, median};
use crate::database::{connect, throw_away_folder};
use crate::progress::{say, step};
use crate::setup;
use crate::stack::{Stack, without_settings};
use crate::{http, interrupt, process, workspace};

const TASK: &str = "examples/tasks/hello";
/// One trial each, one after another.
const SUBMISSIONS: usize = 30;
/// Milliseconds at the median.
const BEGUN_BAR: f64 = 60.0;
/// How long one trial may take, which is several times what it does.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks for what a trial has come to.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Between the end of a trial and the next submission, for the runner to end and the dispatcher to rest.
const PAUSE: Duration = Duration::from_millis(300);
/// Before the idle server is watched: Postgres counts what a connection did up to ten seconds later.
const COUNTED_WITHIN: Duration = Duration::from_secs(12);
/// How long the server is watched while it has nothing to do.
const IDLE: Duration = Duration::from_secs(30);
/// How often it is looked whether one of its threads ran. Two runs with less than that between them count as one wake.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);
const STATEMENTS_BAR: f64 = 2.0;
const WAKES_BAR: f64 = 1.0;

#[derive(Deserialize)]
struct Submitted {
    tasks: Vec<SubmittedTask>,
}

#[derive(Deserialize)]
struct SubmittedTask {
    id: String,
}

pub(super) fn measure() -> Result<Vec<Figure>> {
    let postgres_bin = setup::postgres_bin()?;
    let release = build()?;
    let folder = throw_away_folder("oddish-bench-")?;
    let mut server = Command::new(release.join("oddish-server"));
    without_settings(&mut server)
        .env("ODDISH_POSTGRES_BIN", postgres_bin)
        .env("ODDISH_HARBOR_PYTHON", install_stand_in(folder.path(), &setup::harbor_python()?)?);
    let stack = Stack::launch(server, folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        let mut figures = submissions(&stack, &release).await?;
        figures.extend(idle(&stack).await?);
        Ok(figures)
    });
    if measured.is_err() {
        say(&process::tail(&Stack::log(folder.path()), 0));
    }
    stack.stop()?;
    measured
}

/// Builds the programs as they are shipped, and tells in which folder they lie.
fn build() -> Result<PathBuf> {
    step("building oddish, oddish-server and oddish-runner in release mode", || {
        let mut build = Command::new("cargo");
        build.args(["build", "--release", "--bins", "--package", "oddish-cli"]);
        build.args(["--package", "oddish-server", "--package", "oddish-runner"]);
        process::shown(build.current_dir(workspace::root()))
    })?;
    Ok(workspace::binaries()?.parent().context("the target folder is missing")?.join("release"))
}

/// Harbor itself is no part of what is measured. Its interpreter is: a `python3` on the PATH may be a script that starts another one, whose
/// files a confined process cannot read.
fn install_stand_in(folder: &Path, python: &Path) -> Result<PathBuf> {
    let path = folder.join("harbor-stand-in");
    let source = workspace::root().join("crates/server/tests/fixtures/harbor_stand_in.py");
    let script = std::fs::read_to_string(&source).with_context(|| format!("can't read {}", source.display()))?;
    let script = script.replacen("/usr/bin/env python3", &python.display().to_string(), 1);
    std::fs::write(&path, script).with_context(|| format!("can't write {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

async fn submissions(stack: &Stack, release: &Path) -> Result<Vec<Figure>> {
    let pool = connect(&stack.database_url()?).await?;
    let mut oddish = Command::new(release.join("oddish"));
    without_settings(&mut oddish).args(["run", TASK, "-a", "oracle", "--json", "--background", "--api", &stack.url()]);
    let output = oddish.current_dir(workspace::root()).output().context("can't run oddish")?;
    ensure!(output.status.success(), "oddish failed: {}", String::from_utf8_lossy(&output.stderr));
    let submitted: Submitted = serde_json::from_slice(&output.stdout).context("oddish printed no tasks")?;
    let task_id = &submitted.tasks.first().context("oddish submitted no task")?.id;
    ended(&pool, &format!("{task_id}-0")).await?;
    let (mut begun, mut seen) = (Vec::new(), Vec::new());
    say(&format!("==> submitting {SUBMISSIONS} trials, one after another"));
    for number in 1..=SUBMISSIONS {
        interrupt::check()?;
        tokio::time::sleep(PAUSE).await;
        let trial_id = format!("{task_id}-{number}");
        let sweep =
            json!({"task_id": task_id, "append_to_task": true, "user": "bench", "configs": [{"agent": "oracle"}]});
        let submitted = OffsetDateTime::now_utc();
        http::post(stack.port(), "/tasks/sweep", &sweep.to_string())?;
        let begun_at = until_begun(&pool, &trial_id).await?;
        seen.push((OffsetDateTime::now_utc() - submitted).as_seconds_f64() * 1e3);
        begun.push((begun_at - submitted).as_seconds_f64() * 1e3);
        ended(&pool, &trial_id).await?;
    }
    pool.close().await;
    Ok(vec![
        Figure {
            name: "submit to attempts.begun_at".into(),
            value: median(begun.clone()),
            unit: "ms".into(),
            bar: Bar::AtMost(BEGUN_BAR),
        },
        Figure { name: "the same, p99".into(), value: highest_percent(begun), unit: "ms".into(), bar: Bar::None },
        Figure {
            name: "submit to begun and committed".into(),
            value: median(seen.clone()),
            unit: "ms".into(),
            bar: Bar::AtMost(BEGUN_BAR),
        },
        Figure {
            name: "the same for the commit, p99".into(),
            value: highest_percent(seen),
            unit: "ms".into(),
            bar: Bar::None,
        },
    ])
}

/// When the trial's first attempt began, as soon as others can see it.
async fn until_begun(pool: &PgPool, trial_id: &str) -> Result<OffsetDateTime> {
    until(trial_id, "begin", async || {
        let query = "select begun_at from oddish.attempts where trial_id = $1 and begun_at is not null";
        sqlx::query_scalar(query).bind(trial_id).fetch_optional(pool).await
    })
    .await
}

async fn ended(pool: &PgPool, trial_id: &str) -> Result<()> {
    let status: String = until(trial_id, "end", async || {
        let query = "select status from oddish.trials where id = $1 and status in ('success', 'failed')";
        sqlx::query_scalar(query).bind(trial_id).fetch_optional(pool).await
    })
    .await?;
    ensure!(status == "success", "{trial_id} failed");
    Ok(())
}

async fn until<T>(
    trial_id: &str,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, sqlx::Error>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(begun.elapsed() < PATIENCE, "{trial_id} did not {what} within {} s", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The value that 99 of 100 do not exceed.
fn highest_percent(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * 99).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// What the server did while there was nothing to do.
async fn idle(stack: &Stack) -> Result<Vec<Figure>> {
    // From another database of the same server, so that asking does not count.
    let url = stack.database_url()?;
    let (server, database) = url.rsplit_once('/').context("the database's URL has no name")?;
    let pool = connect(&format!("{server}/postgres")).await?;
    let statements = async || {
        let query = "select xact_commit + xact_rollback from pg_stat_database where datname = $1";
        sqlx::query_scalar::<_, i64>(query).bind(database).fetch_one(&pool).await
    };
    // Postgres counts the transactions of its own vacuum among the database's; after the submissions there is something to vacuum.
    for command in ["alter system set autovacuum = off", "select pg_reload_conf()"] {
        sqlx::query(command).execute(&pool).await.context("can't stop autovacuum")?;
    }
    tokio::time::sleep(COUNTED_WITHIN).await;
    say(&format!("==> watching the idle server for {} s", IDLE.as_secs()));
    let before = (statements().await?, switches(stack.server())?);
    let begun = Instant::now();
    let (mut wakes, mut last, mut awake) = (0_u32, before.1, false);
    while begun.elapsed() < IDLE {
        interrupt::check()?;
        std::thread::sleep(SAMPLE_EVERY);
        let now = switches(stack.server())?;
        wakes += u32::from(now != last && !awake);
        (awake, last) = (now != last, now);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = statements().await?;
    let per_second = |count: i64| i32::try_from(count).map_or(f64::INFINITY, f64::from) / seconds;
    Ok(vec![
        // The idle server opens no transaction of several statements, so that each one is a commit.
        Figure {
            name: "idle: statements".into(),
            value: per_second(after - before.0),
            unit: "/s".into(),
            bar: Bar::AtMost(STATEMENTS_BAR),
        },
        Figure {
            name: "idle: wakes of the server".into(),
            value: per_second(wakes.into()),
            unit: "/s".into(),
            bar: Bar::AtMost(WAKES_BAR),
        },
        Figure {
            name: "idle: context switches".into(),
            value: per_second(last - before.1),
            unit: "/s".into(),
            bar: Bar::None,
        },
    ])
}

/// How often the threads of a process gave up a processor, or lost it, since they were made.
fn switches(process: u32) -> Result<i64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).context("threads are watched on Linux only")?;
    let mut sum = 0;
    for thread in threads {
        // A thread may end between the listing and this.
        let status = std::fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
        let counts = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
        sum += counts.filter_map(|(_, count)| count.trim().parse::<i64>().ok()).sum::<i64>();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::highest_percent;

    #[test]
    fn the_highest_percent_is_cut_off() {
        let values = |count: u32| (1..=count).rev().map(f64::from).collect();
        for (count, expected) in [(1, 1.0), (30, 30.0), (100, 99.0), (200, 198.0)] {
            assert!((highest_percent(values(count)) - expected).abs() < 1e-9, "{count}");
        }
    }
}

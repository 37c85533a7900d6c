//! What the command line costs: its start, its size, the results of 10,000 trials, and watching them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use sqlx::PgPool;

use super::{Bar, Figure, median};
use crate::build_functions::megabytes;
use crate::database::{connect, throw_away_folder};
use crate::process::{self, signal_group, wait};
use crate::programs::build_release;
use crate::progress::say;
use crate::stack::{Stack, without_settings};
use crate::{interrupt, setup};

/// Starts, of which the median counts.
const STARTS: usize = 21;
/// `oddish --help`, in times of running `true`.
const START_BAR: f64 = 10.0;
/// Megabytes (10^6 bytes) of the program.
const SIZE_BAR: f64 = 15.0;
/// Tasks of an experiment, each with [`TRIALS`] trials.
const TASKS: u32 = 1_000;
const TRIALS: u32 = 10;
/// Trials that run while they are watched.
const RUNNING: u32 = 64;
/// Answers, of which the median counts.
const ANSWERS: usize = 5;
/// Seconds of `oddish results`, and of `oddish compare`.
const ANSWER_BARS: [f64; 2] = [1.0, 2.0];
/// How long a watch is looked at, after a while in which it reads everything once.
const WATCHED: Duration = Duration::from_mins(1);
const SETTLED: Duration = Duration::from_secs(10);
/// Between two trials that change.
const CHANGE_EVERY: Duration = Duration::from_millis(500);
/// Milliseconds of CPU in a second of the server and of its connections' processes in Postgres.
const CPU_BAR: f64 = 5.0;
/// Megabytes (10^6 bytes) of the client at its highest.
const MEMORY_BAR: f64 = 20.0;
/// For a client to end after Ctrl-C.
const STOP_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn measure() -> Result<Vec<Figure>> {
    let postgres_bin = setup::postgres_bin()?;
    let release = build_release(&["oddish-cli", "oddish-server"])?;
    let oddish = release.join("oddish");
    let mut figures = program(&oddish)?;
    let folder = throw_away_folder("oddish-bench-")?;
    let mut server = Command::new(release.join("oddish-server"));
    without_settings(&mut server)
        .env("ODDISH_POSTGRES_BIN", postgres_bin)
        // Nothing is run: the trials are rows.
        .env("ODDISH_AUTO_START_WORKERS", "false");
    let stack = Stack::launch(server, folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        let pool = connect(&stack.database_url()?).await?;
        load(&pool).await?;
        figures.extend(answers(&oddish, &stack, &pool).await?);
        figures.extend(watching(&oddish, &stack, &pool, folder.path()).await?);
        pool.close().await;
        Ok(figures)
    });
    if measured.is_err() {
        say(&process::tail(&Stack::log(folder.path()), 0));
    }
    stack.stop()?;
    measured
}

fn program(oddish: &Path) -> Result<Vec<Figure>> {
    let help = milliseconds(oddish, &["--help"])?;
    let nothing = milliseconds(Path::new("true"), &[])?;
    let bytes = oddish.metadata().context("oddish is missing")?.len();
    Ok(vec![
        Figure { name: "oddish: size".into(), value: megabytes(bytes), unit: "MB".into(), bar: Bar::AtMost(SIZE_BAR) },
        Figure { name: "oddish --help".into(), value: help, unit: "ms".into(), bar: Bar::None },
        Figure { name: "running a program (true)".into(), value: nothing, unit: "ms".into(), bar: Bar::None },
        Figure {
            name: "oddish --help, in programs run".into(),
            value: help / nothing,
            unit: "x".into(),
            bar: Bar::AtMost(START_BAR),
        },
    ])
}

fn milliseconds(program: &Path, arguments: &[&str]) -> Result<f64> {
    let run = || seconds(Command::new(program).args(arguments)).map(|seconds| seconds * 1e3);
    Ok(median((0..STARTS).map(|_| run()).collect::<Result<_>>()?))
}

/// How long a command takes that succeeds.
fn seconds(command: &mut Command) -> Result<f64> {
    interrupt::check()?;
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("can't run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(begun.elapsed().as_secs_f64())
}

/// Two experiments of the same tasks, each with 10,000 trials of two models: of the first some run and some wait, of the second all ended.
async fn load(pool: &PgPool) -> Result<()> {
    say(&format!("==> loading two experiments of {} trials", TASKS * TRIALS));
    let statements = [
        "insert into oddish.queue_keys (queue_key, concurrency_limit, is_default, updated_at) values ('a/one', 32, true, now()), ('a/two', 32, true, now())"
            .to_owned(),
        "insert into oddish.slots (queue_key, slot) select queue_key, number from oddish.queue_keys, generate_series(0, 31) as number"
            .to_owned(),
        "insert into oddish.experiments (id, name, created_at, updated_at)
            select '0000000' || number, 'experiment ' || number, now(), now() from generate_series(1, 2) as number"
            .to_owned(),
        format!(
            "insert into oddish.tasks (id, name, experiment_id, submitted_by, status, created_at, updated_at, started_at)
                select 'task-' || number, 'task-' || number, '00000001', 'bench', 'running', now(), now(), now()
                from generate_series(1, {TASKS}) as number"
        ),
        "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
            select id, 1, 'some/key', repeat('0', 64), 1, repeat('1', 64), created_at from oddish.tasks"
            .to_owned(),
        format!(
            "insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, model, provider, queue_key, environment,
                    max_attempts, created_at, updated_at, status, attempts, harbor_stage, started_at, finished_at, reward, rewards,
                    input_tokens, cache_tokens, output_tokens, cost_usd)
                select 'task-' || task || '-' || experiment * {TRIALS} + number, 'task-' || task, 1, experiment * {TRIALS} + number,
                    '0000000' || experiment + 1, 'codex', model, 'openai', model, 'docker', 6, now(), now(), status,
                    (status <> 'queued')::int, case status when 'running' then 'agent_running' when 'success' then 'completed' end,
                    case when status <> 'queued' then now() end, case when status = 'success' then now() end,
                    case when status = 'success' then (task * 7 + number * 3 + experiment) % 3 / 2.0 end,
                    case when status = 'success' then jsonb_build_object('reward', (task * 7 + number * 3 + experiment) % 3 / 2.0) end,
                    120000, 100000, 4000, 0.41
                from (select task, number, experiment, case when number % 2 = 0 then 'a/one' else 'a/two' end as model,
                        case when experiment = 1 then 'success' when (task - 1) * {TRIALS} + number < {RUNNING} then 'running'
                            when task > {TASKS} - 100 then 'queued' else 'success' end as status
                    from generate_series(1, {TASKS}) as task, generate_series(0, {TRIALS} - 1) as number,
                        generate_series(0, 1) as experiment) trials"
        ),
        "insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at)
            select 'trial', id, queue_key, 'bench', 1, created_at from oddish.trials where status = 'queued' order by task_id, trial_index"
            .to_owned(),
        "insert into oddish.attempts (trial_id, number, token, queue_key, slot, claimed_at, host, pid, process_started_at, begun_at, ended_at,
                outcome, kind, input_tokens, cache_tokens, output_tokens, cost_usd)
            select id, 1, gen_random_uuid(), queue_key, 0, now(), 'h', 1, now(), started_at, finished_at,
                case when finished_at is not null then 'recorded' end, 'trial', input_tokens, cache_tokens, output_tokens, cost_usd
            from oddish.trials where attempts > 0"
            .to_owned(),
        "vacuum analyze".to_owned(),
    ];
    for sql in statements {
        interrupt::check()?;
        let what: String = sql.chars().take(80).collect();
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await.context(what)?;
    }
    Ok(())
}

async fn answers(oddish: &Path, stack: &Stack, pool: &PgPool) -> Result<Vec<Figure>> {
    // What the figures are made of, read by one statement that does nothing else.
    let mut read = Vec::new();
    for _ in 0..ANSWERS {
        let begun = Instant::now();
        let rows = sqlx::query("select * from oddish.trials where experiment_id = '00000002'").fetch_all(pool).await?;
        ensure!(rows.len() == usize::try_from(TASKS * TRIALS)?, "{} rows", rows.len());
        read.push(begun.elapsed().as_secs_f64());
    }
    let reference = median(read);
    let mut figures = vec![Figure {
        name: "reading 10,000 rows of trials".into(),
        value: reference,
        unit: "s".into(),
        bar: Bar::None,
    }];
    let commands: [(&str, &[&str]); 2] = [
        ("oddish results of 10,000 trials", &["results", "00000002"]),
        ("oddish compare of two such experiments", &["compare", "00000001", "00000002"]),
    ];
    for ((name, arguments), bar) in commands.into_iter().zip(ANSWER_BARS) {
        say(&format!("==> {name}"));
        let run = || seconds(client(oddish, stack, arguments).stdout(Stdio::piped()));
        let value = median((0..ANSWERS).map(|_| run()).collect::<Result<_>>()?);
        figures.push(Figure { name: name.into(), value, unit: "s".into(), bar: Bar::AtMost(bar) });
        let name = format!("{name}, in reads of the rows");
        figures.push(Figure { name: name.into(), value: value / reference, unit: "x".into(), bar: Bar::None });
    }
    Ok(figures)
}

fn client(oddish: &Path, stack: &Stack, arguments: &[&str]) -> Command {
    let mut command = Command::new(oddish);
    without_settings(&mut command).args(arguments).args(["--api", &stack.url()]);
    command
}

/// Watches the experiment of which trials run, while two trials change in a second.
async fn watching(oddish: &Path, stack: &Stack, pool: &PgPool, folder: &Path) -> Result<Vec<Figure>> {
    say(&format!("==> watching {} trials for {} s", TASKS * TRIALS, WATCHED.as_secs()));
    let shown = File::create(folder.join("watch.log")).context("can't create a file for what is shown")?;
    let mut watch = client(oddish, stack, &["watch", "--experiment", "00000001"]);
    let mut watch = process::spawn(watch.stdout(shown.try_clone()?).stderr(shown))?;
    change_for(SETTLED, pool).await?;
    let before = (cpu(stack.server())?, backends(pool).await?);
    let begun = Instant::now();
    change_for(WATCHED, pool).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = (cpu(stack.server())?, backends(pool).await?);
    let memory = highest(watch.id())?;
    ensure!(watch.try_wait()?.is_none(), "the watch ended: {}", process::tail(&folder.join("watch.log"), 0));
    signal_group(&watch, Signal::SIGINT);
    wait(&mut watch, Some(STOP_LIMIT))?;
    // A connection that was closed meanwhile is not counted to its end.
    let of_backends: f64 = after
        .1
        .iter()
        .map(|(pid, spent)| spent - before.1.iter().find(|(known, _)| known == pid).map_or(0.0, |(_, spent)| *spent))
        .sum();
    let per_second = |spent: f64| spent * 1e3 / seconds;
    Ok(vec![
        Figure {
            name: "watching: the server".into(),
            value: per_second(after.0 - before.0),
            unit: "ms/s".into(),
            bar: Bar::None,
        },
        Figure {
            name: "watching: Postgres for it".into(),
            value: per_second(of_backends),
            unit: "ms/s".into(),
            bar: Bar::None,
        },
        Figure {
            name: "watching: both".into(),
            value: per_second(after.0 - before.0 + of_backends),
            unit: "ms/s".into(),
            bar: Bar::AtMost(CPU_BAR),
        },
        Figure {
            name: "watching: memory of the client".into(),
            value: memory,
            unit: "MB".into(),
            bar: Bar::AtMost(MEMORY_BAR),
        },
    ])
}

/// Changes trials at their pace: one that runs ends, and one that waits begins.
async fn change_for(how_long: Duration, pool: &PgPool) -> Result<()> {
    let begun = Instant::now();
    let mut number = 0;
    while begun.elapsed() < how_long {
        interrupt::check()?;
        let sql = if number % 2 == 0 {
            "update oddish.trials set status = 'success', harbor_stage = 'completed', finished_at = now(), reward = 1, rewards = '{\"reward\": 1}'
                where id = (select id from oddish.trials where experiment_id = '00000001' and status = 'running' order by started_at limit 1)"
        } else {
            "with begins as (delete from oddish.jobs where id = (select id from oddish.jobs order by id limit 1) returning trial_id)
                update oddish.trials t set status = 'running', harbor_stage = 'agent_running', started_at = now(), attempts = 1
                from begins where t.id = begins.trial_id"
        };
        sqlx::query(sql).execute(pool).await?;
        number += 1;
        thread::sleep(CHANGE_EVERY.saturating_mul(number).saturating_sub(begun.elapsed()));
    }
    Ok(())
}

/// The processes of Postgres that serve connections other than ours, with the seconds of CPU that each has used.
async fn backends(pool: &PgPool) -> Result<Vec<(u32, f64)>> {
    let sql = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
    let pids: Vec<i32> = sqlx::query_scalar(sql).fetch_all(pool).await?;
    pids.into_iter().map(|pid| Ok((u32::try_from(pid)?, cpu(pid.unsigned_abs())?))).collect()
}

/// Seconds of CPU that a process has used (`proc_pid_stat(5)`: the 14th and 15th field, in ticks of 10 ms).
fn cpu(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).context("CPU is read on Linux only")?;
    let (_, fields) = stat.rsplit_once(')').context("a process has no name")?;
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<_, _>>()?;
    Ok(f64::from(ticks) / 100.0)
}

/// The most memory that a process had, in megabytes.
fn highest(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("memory is read on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the client has no memory")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmHWM is no number")?;
    Ok(megabytes(kibibytes * 1024))
}

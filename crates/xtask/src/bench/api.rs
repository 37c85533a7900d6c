//! How fast the API reads a large history: 10,000 tasks with 1,000,000 trials, 20 of each of five models that a task is run with, of
//! twenty in all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::{Bar, Figure, median};
use crate::database::{connect, throw_away_folder};
use crate::progress::{say, step};
use crate::stack::{Stack, without_settings};
use crate::{interrupt, process, setup, workspace};

const TASKS: i32 = 10_000;
const TRIALS_OF_A_TASK: i32 = 100;
/// Tasks of an experiment.
const TASKS_OF_AN_EXPERIMENT: i32 = 100;
/// The newest tasks, whose trials still wait.
const WAITING_TASKS: i32 = 10;
/// Clients that ask at the same time, each again and again.
const CLIENTS: [usize; 3] = [1, 8, 32];
/// How long each number of clients asks.
const ASKING: Duration = Duration::from_secs(6);
/// Before that, so that everything is in memory that fits.
const WARMING: Duration = Duration::from_secs(1);
/// Milliseconds for the 99th of 100 requests of one client.
const BAR: f64 = 50.0;
/// The same for 100 tasks with their 10,000 trials, 12 MB.
const BAR_WITH_TRIALS: f64 = 150.0;

/// What is asked for.
struct Question {
    name: &'static str,
    path: String,
    bar: f64,
}

pub(super) fn measure() -> Result<Vec<Figure>> {
    let postgres_bin = setup::postgres_bin()?;
    let release = step("building oddish-server in release mode", || {
        let mut build = Command::new("cargo");
        build.args(["build", "--release", "--bins", "--package", "oddish-server"]);
        process::shown(build.current_dir(workspace::root()))?;
        Ok(workspace::binaries()?.parent().context("the target folder is missing")?.join("release"))
    })?;
    let folder = throw_away_folder("oddish-bench-")?;
    let mut server = Command::new(release.join("oddish-server"));
    without_settings(&mut server)
        .env("ODDISH_POSTGRES_BIN", postgres_bin)
        // Nothing is run: what waits is there to be explained.
        .env("ODDISH_AUTO_START_WORKERS", "false");
    let stack = Stack::launch(server, folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reference = runtime.block_on(async {
        let pool = connect(&stack.database_url()?).await?;
        load(&pool).await?;
        let reference = reference(&pool).await;
        pool.close().await;
        reference
    });
    let measured = reference.and_then(|reference| ask(stack.port(), reference));
    if measured.is_err() {
        say(&process::tail(&Stack::log(folder.path()), 0));
    }
    stack.stop()?;
    measured
}

fn ask(port: u16, reference: f64) -> Result<Vec<Figure>> {
    let newest = TASKS - WAITING_TASKS - 1;
    let question = |name, path: &str, bar| Question { name, path: path.to_owned(), bar };
    let questions = [
        question("tasks", "/tasks?limit=100&include_trials=false", BAR),
        question("tasks_with_trials", "/tasks?limit=100", BAR_WITH_TRIALS),
        question("task", &format!("/tasks/task-{newest}"), BAR),
        question("waiting_task", &format!("/tasks/task-{}", TASKS - 1), BAR),
        question("experiment_tasks", "/tasks?experiment_id=00000042&include_trials=false", BAR),
        question("trials", "/trials?limit=100&status=failed", BAR),
        question("experiments", "/experiments", BAR),
        question("dashboard", "/dashboard", BAR),
        question("browse", "/tasks/browse", BAR),
    ];
    let mut figures = vec![Figure {
        name: "reference_ms".into(),
        value: reference,
        unit: "ms for one plain statement to read those 10,000 trials".into(),
        bar: Bar::None,
    }];
    for Question { name, path, bar } in questions {
        asked(port, &path, 1, WARMING)?;
        for clients in CLIENTS {
            interrupt::check()?;
            let mut took = asked(port, &path, clients, ASKING)?;
            ensure!(!took.is_empty(), "{path} was never answered");
            took.sort_by(f64::total_cmp);
            let nth = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
            let bar = if clients == 1 { Bar::AtMost(bar) } else { Bar::None };
            let mut figure = |what: &str, value: f64, unit: &'static str, bar: Bar| {
                figures.push(Figure { name: format!("{name}_{what}_{clients}").into(), value, unit: unit.into(), bar });
            };
            figure("p50", nth(50), "ms", Bar::None);
            figure("p99", nth(99), "ms", bar);
            #[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
            figure("per_s", took.len() as f64 / ASKING.as_secs_f64(), "requests/s", Bar::None);
            if name == "tasks_with_trials" && clients == 1 {
                figure("ratio", nth(50) / reference, "times the reference", Bar::None);
            }
        }
    }
    Ok(figures)
}

/// Milliseconds of every request that `clients` made one after the other for so long.
fn asked(port: u16, path: &str, clients: usize, how_long: Duration) -> Result<Vec<f64>> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = Connection::open(port)?;
                    let mut took = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        connection.get(path)?;
                        took.push(begun.elapsed().as_secs_f64() * 1e3);
                    }
                    Ok(took)
                })
            })
            .collect();
        thread::sleep(how_long);
        over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for client in asking {
            let took: Result<Vec<f64>> = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?;
            all.extend(took?);
        }
        Ok(all)
    })
}

/// A connection that is kept open, as clients keep theirs.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self(BufReader::with_capacity(1 << 16, stream)))
    }

    /// Reads an answer to its end.
    fn get(&mut self, path: &str) -> Result<()> {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        ensure!(line.contains(" 200 "), "{path} answered {line}");
        let mut length = None;
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<u64>()?);
            }
        }
        let length = length.context("the answer says no length")?;
        let read = std::io::copy(&mut (&mut self.0).take(length), &mut std::io::sink())?;
        ensure!(read == length, "the answer ended early");
        Ok(())
    }
}

/// How long one statement takes that reads the trials of the 100 newest tasks and does nothing else.
async fn reference(pool: &PgPool) -> Result<f64> {
    let sql = "select * from oddish.trials where task_id in (select id from oddish.tasks order by created_at desc, id desc limit 100)";
    let mut took = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let rows = sqlx::query(sql).fetch_all(pool).await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(rows.len() == 100 * usize::try_from(TRIALS_OF_A_TASK)?, "{} rows", rows.len());
    }
    Ok(median(took))
}

async fn load(pool: &PgPool) -> Result<()> {
    say(&format!("==> loading {TASKS} tasks with {} trials", i64::from(TASKS) * i64::from(TRIALS_OF_A_TASK)));
    let statements = [
        "insert into oddish.queue_keys (queue_key, concurrency_limit, is_default, updated_at)
            select 'provider/model-' || number, 8, true, now() from generate_series(0, 19) as number",
        "insert into oddish.slots (queue_key, slot)
            select queue_key, number from oddish.queue_keys, generate_series(0, 7) as number",
        "insert into oddish.experiments (id, name, created_at, updated_at)
            select lpad(number::text, 8, '0'), 'experiment ' || number, timestamptz '2026-01-01' + number * interval '2 hours', now()
            from generate_series(0, {TASKS} / {EACH} - 1) as number",
        "insert into oddish.tasks (id, name, experiment_id, submitted_by, tags, status, created_at, updated_at, started_at, finished_at)
            select 'task-' || number, 'task ' || number % 2000, lpad((number / {EACH})::text, 8, '0'), 'user' || number % 10,
                '{\"github_username\": \"octo\"}', case when number < {TASKS} - {WAITING} then 'completed' else 'pending' end, at, at,
                case when number < {TASKS} - {WAITING} then at end, case when number < {TASKS} - {WAITING} then at + interval '1 hour' end
            from (select number, timestamptz '2026-01-01' + number * interval '1 minute' as at
                from generate_series(0, {TASKS} - 1) as number) tasks",
        "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
            select id, 1, 'some/key', repeat('0', 64), 1, repeat('1', 64), created_at from oddish.tasks ",
        "insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, model, provider, queue_key,
                environment, max_attempts, created_at, updated_at, status, attempts, harbor_stage, started_at, finished_at, reward,
                rewards, error_class, error_type, error_message, input_tokens, cache_tokens, output_tokens, cost_usd, phase_timing)
            select 'task-' || task || '-' || number, 'task-' || task, 1, number, lpad((task / {EACH})::text, 8, '0'), 'claude-code',
                'provider/model-' || (task * 5 + number % 5) % 20, 'claude', 'provider/model-' || (task * 5 + number % 5) % 20, 'docker', 6, at, at, status,
                case when over then 1 else 0 end, case when over then 'completed' end, case when over then at end,
                case when over then at + interval '5 minutes' end, case when status = 'success' then (number % 3) / 2.0 end,
                case when status = 'success' then jsonb_build_object('reward', (number % 3) / 2.0) end,
                case when status = 'failed' then 'agent' end, case when status = 'failed' then 'AgentError' end,
                case when status = 'failed' then 'the agent ended with status 1: ' || repeat('x', 60) end,
                case when over then 120000 + number end, case when over then 100000 end, case when over then 4000 end,
                case when over then 0.41 end, case when over then jsonb_build_object('agent_execution', jsonb_build_object(
                    'started_at', at, 'finished_at', at + interval '5 minutes', 'duration_sec', 300.0)) end
            from (select task, number, task < {TASKS} - {WAITING} as over, timestamptz '2026-01-01' + task * interval '1 minute' as at,
                    case when task >= {TASKS} - {WAITING} then 'queued' when number % 20 = 7 then 'failed' else 'success' end as status
                from generate_series(0, {TASKS} - 1) as task, generate_series(0, {TRIALS} - 1) as number) trials",
        "insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at)
            select 'trial', t.id, queue_key, submitted_by, 1, t.created_at from oddish.trials t join oddish.tasks k on k.id = t.task_id
            where t.status = 'queued' order by t.task_id, trial_index",
        // The sums that `oddish_db::tallies` keeps.
        "insert into oddish.trial_tallies
            select task_id, task_version, experiment_id, queue_key, provider, agent, model, count(*),
                count(*) filter (where status = 'success'), count(*) filter (where status = 'failed'), count(reward),
                count(*) filter (where reward = 1), coalesce(sum(reward), 0), coalesce(sum(input_tokens), 0),
                coalesce(sum(cache_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost_usd), 0),
                count(finished_at - started_at), coalesce(sum(extract(epoch from finished_at - started_at)), 0),
                greatest(max(created_at), max(finished_at))
            from oddish.trials group by task_id, task_version, experiment_id, queue_key, provider, agent, model",
    ];
    for sql in statements {
        interrupt::check()?;
        let values = [
            ("{TASKS}", TASKS),
            ("{TRIALS}", TRIALS_OF_A_TASK),
            ("{EACH}", TASKS_OF_AN_EXPERIMENT),
            ("{WAITING}", WAITING_TASKS),
        ];
        let sql = values.into_iter().fold(sql.to_owned(), |sql, (name, value)| sql.replace(name, &value.to_string()));
        let what: String = sql.chars().take(80).collect();
        sqlx::query(AssertSqlSafe(sql)).execute(pool).await.context(what)?;
    }
    sqlx::query("vacuum analyze").execute(pool).await?;
    let size: i64 = sqlx::query("select pg_database_size(current_database())").fetch_one(pool).await?.get(0);
    say(&format!("==> {} MB in the database", size >> 20));
    Ok(())
}

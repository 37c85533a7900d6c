//! Experiments whose trials have ended as a test says, written into the database.

use oddish_db::Db;
use serde_json::{Value, json};

/// An experiment with nothing in it.
pub(crate) async fn experiment(db: &Db, id: &str) {
    let insert =
        "insert into oddish.experiments (id, name, created_at, updated_at) values ($1, 'e ' || $1, now(), now())";
    sqlx::query(insert).bind(id).execute(db).await.unwrap();
    let key = "insert into oddish.queue_keys (queue_key, concurrency_limit, is_default, updated_at) values ('k', 1, true, now())
        on conflict do nothing";
    sqlx::query(key).execute(db).await.unwrap();
}

/// A task of this name, as version 1 with a content of its own: its id.
pub(crate) async fn task(db: &Db, experiment: &str, name: &str, content: char) -> String {
    let id = format!("{name}-{experiment}");
    let task = "insert into oddish.tasks (id, name, experiment_id, submitted_by, created_at, updated_at) values ($1, $2, $3, 'a', now(), now())";
    sqlx::query(task).bind(&id).bind(name).bind(experiment).execute(db).await.unwrap();
    let version = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        values ($1, 1, 'a', repeat('0', 64), 1, repeat($2, 64), now())";
    sqlx::query(version).bind(&id).bind(content.to_string()).execute(db).await.unwrap();
    id
}

/// Trials of a task; each is what `changes` makes of one that waits.
pub(crate) async fn trials(
    db: &Db,
    experiment: &str,
    task_id: &str,
    (agent, model): (&str, Option<&str>),
    all: &[Value],
) {
    let time = "2026-10-20T10:00:00Z";
    let count = "select count(*) from oddish.trials where task_id = $1";
    let first: i64 = sqlx::query_scalar(count).bind(task_id).fetch_one(db).await.unwrap();
    let rows: Vec<Value> = (first..)
        .zip(all)
        .map(|(index, changes)| {
            let mut row = json!({
                "id": format!("{task_id}-{index}"), "task_id": task_id, "task_version": 1, "trial_index": index,
                "experiment_id": experiment, "agent": agent, "model": model, "provider": "default", "queue_key": "k",
                "environment": "docker", "harbor": {}, "status": "queued", "max_attempts": 6, "origin": "oddish",
                "created_at": time, "updated_at": time
            });
            for (name, value) in changes.as_object().unwrap() {
                row[name] = value.clone();
            }
            row
        })
        .collect();
    let columns = "id, task_id, task_version, trial_index, experiment_id, agent, model, provider, queue_key, environment, harbor, status,
        max_attempts, origin, reward, rewards, unconfirmed_reward, error_class, input_tokens, cache_tokens, output_tokens, cost_usd,
        agent_timeout_sec, started_at, finished_at, cancel_requested_at, created_at, updated_at";
    let insert = format!(
        "insert into oddish.trials ({columns}) select {columns} from jsonb_populate_recordset(null::oddish.trials, $1)"
    );
    sqlx::query(sqlx::AssertSqlSafe(insert)).bind(Value::from(rows)).execute(db).await.unwrap();
}

/// A trial that ended, with this status.
pub(crate) fn ended(status: &str) -> Value {
    json!({"status": status, "started_at": "2026-10-20T10:00:00Z", "finished_at": "2026-10-20T10:01:00Z"})
}

/// A trial that is graded.
pub(crate) fn graded(reward: f64) -> Value {
    with(ended("success"), &json!({"reward": reward, "rewards": {"reward": reward}}))
}

/// The first with the fields of the second.
pub(crate) fn with(mut one: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().unwrap() {
        one[name] = value.clone();
    }
    one
}

/// Attempts of a trial, each of so many seconds; one without an end still runs.
pub(crate) async fn attempts(db: &Db, trial_id: &str, seconds: &[Option<f64>]) {
    for (number, seconds) in (1_i32..).zip(seconds) {
        let insert = "insert into oddish.attempts (trial_id, number, token, queue_key, slot, claimed_at, host, pid, process_started_at, begun_at,
                ended_at, outcome, kind)
            values ($1, $2, gen_random_uuid(), 'k', 0, now(), 'h', 1, now(), now(), now() + make_interval(secs => $3),
                case when $3 is null then null else 'recorded' end, 'trial')";
        sqlx::query(insert).bind(trial_id).bind(number).bind(seconds).execute(db).await.unwrap();
    }
}

/// What an attempt used: US dollars, and tokens read, taken from the cache and written.
pub(crate) async fn used(db: &Db, trial_id: &str, number: i32, cost_usd: Option<f64>, tokens: [Option<i64>; 3]) {
    let update = "update oddish.attempts set cost_usd = $3, input_tokens = $4, cache_tokens = $5, output_tokens = $6
        where trial_id = $1 and number = $2";
    let [input, cache, output] = tokens;
    let query = sqlx::query(update).bind(trial_id).bind(number).bind(cost_usd);
    query.bind(input).bind(cache).bind(output).execute(db).await.unwrap();
}

/// Tasks `task-0000` and so on, each with trials of these rewards.
pub(crate) async fn rewards(db: &Db, experiment: &str, agent: &str, tasks: &Value) {
    for (index, rewards) in tasks.as_array().unwrap().iter().enumerate() {
        let id = task(db, experiment, &format!("task-{index:04}"), 'a').await;
        let all: Vec<Value> =
            rewards.as_array().unwrap().iter().map(|reward| graded(reward.as_f64().unwrap())).collect();
        trials(db, experiment, &id, (agent, Some("m")), &all).await;
    }
}

/// Figures that `SciPy`, `NumPy`, statsmodels and Harbor compute.
pub(crate) fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../../crates/domain/src/statistics/tests/oracle.json")).unwrap()
}

/// Asserts that two numbers are equal but for rounding.
pub(crate) fn near(found: &Value, expected: &Value) {
    let (one, other) = (found.as_f64().unwrap_or(f64::NAN), expected.as_f64().unwrap());
    assert!((one - other).abs() <= 1e-12 * other.abs().max(1.0), "{found} is not {expected}");
}

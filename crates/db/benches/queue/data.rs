//! A queue with a past: keys, tasks of ten submitters, trials that wait and trials that ended.

use oddish_db::Db;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::{Outcome, run, step};

/// Queue keys, all alike.
pub(crate) struct Keys {
    pub(crate) count: i32,
    pub(crate) limit: i32,
    /// How many times the floor's time a claim of 1000 may take.
    pub(crate) bar: f64,
}

/// What trials change.
const TABLES: [&str; 3] = ["oddish.jobs", "oddish.trials", "oddish.attempts"];

/// Tasks, of which each submitter has a tenth.
const TASKS: i32 = 1000;

/// Empties the database, and queues trials: one in ten of high priority, spread evenly over keys and submitters.
pub(crate) async fn create(db: &Db, keys: &Keys, queued: i32) -> Outcome {
    step(&format!("{} keys with {} slots each, {queued} queued trials", keys.count, keys.limit));
    oddish_db::schema::purge(db).await?;
    let sql = "with experiment as (
            insert into oddish.experiments (id, name, created_at, updated_at) values ('00000000', 'bench', now(), now())
            returning id),
        task as (
            insert into oddish.tasks (id, name, experiment_id, submitted_by, created_at, updated_at)
            select 'task-' || number, 'task', id, 'user' || number % 10, now(), now()
            from experiment, generate_series(0, $3 - 1) as number
            returning id),
        key as (
            insert into oddish.queue_keys (queue_key, concurrency_limit, is_default, updated_at)
            select 'provider/model-' || number, $2, true, now() from generate_series(0, $1 - 1) as number
            returning queue_key),
        slot as (
            insert into oddish.slots (queue_key, slot) select queue_key, number from key, generate_series(0, $2 - 1) as number)
        insert into oddish.task_versions
            (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select id, 1, 'some/key', repeat('0', 64), 1, repeat('1', 64), now() from task";
    sqlx::query(sql).bind(keys.count).bind(keys.limit).bind(TASKS).execute(db).await?;
    add_queued(db, keys, queued).await
}

/// Queues more trials.
pub(crate) async fn add_queued(db: &Db, keys: &Keys, queued: i32) -> Outcome {
    step(&format!("queueing {queued} trials"));
    let sql = "with numbers as materialized (
            select number, 'task-' || number % $3 as task_id, (number / $3 + number) % $2 as key
            from generate_series($1, $1 + $4 - 1) as number),
        trial as (
            insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, provider, queue_key,
                environment, max_attempts, created_at, updated_at)
            select task_id || '-' || number / $3, task_id, 1, number / $3, '00000000', 'oracle', 'default',
                'provider/model-' || key, 'docker', 6, now(), now()
            from numbers)
        insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at)
        select 'trial', task_id || '-' || number / $3, 'provider/model-' || key, 'user' || number % 10,
            case when number::bigint * 7919 % 1000 < 100 then 0 else 1 end, now()
        from numbers order by number";
    let first: i64 = sqlx::query_scalar("select count(*) from oddish.trials").fetch_one(db).await?;
    sqlx::query(sql).bind(i32::try_from(first)?).bind(keys.count).bind(TASKS).bind(queued).execute(db).await?;
    settle(db, &TABLES).await
}

/// Adds trials that ended, with one attempt each, written as the system writes it: claimed first, begun and ended later. Pages then have
/// the free space that they have in earnest; rows loaded whole would leave each with room for just one claim more.
pub(crate) async fn add_finished(db: &Db, finished: i32) -> Outcome {
    step(&format!("adding {finished} finished trials"));
    let sql = "with trial as (
            insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, provider, queue_key,
                environment, max_attempts, created_at, updated_at, status, attempts, started_at, finished_at, reward, rewards)
            select 'task-' || number % $2 || '-' || number / $2, 'task-' || number % $2, 1, number / $2, '00000000', 'oracle',
                'default', 'provider/model-0', 'docker', 6, now(), now(), 'success', 1, now(), now(), 1, '{\"reward\": 1}'
            from generate_series($1, $1 + $3 - 1) as number
            returning id, queue_key)
        insert into oddish.attempts (kind, trial_id, number, token, queue_key, slot, claimed_at)
        select 'trial', id, 1, oddish.fencing_token(clock_timestamp()), queue_key, 0, now() from trial";
    let first: i64 = sqlx::query_scalar("select count(*) from oddish.trials").fetch_one(db).await?;
    sqlx::query(sql).bind(i32::try_from(first)?).bind(TASKS).bind(finished).execute(db).await?;
    run(
        db,
        "update oddish.attempts
        set host = 'host', pid = 1, process_started_at = now(), begun_at = now(), ended_at = now(), outcome = 'recorded'
        where ended_at is null",
    )
    .await?;
    settle(db, &TABLES).await
}

/// The state in which a server is that runs for days: vacuumed, analysed, and with a checkpoint behind it.
///
/// Over a connection of its own: `vacuum` runs in no transaction.
#[expect(clippy::disallowed_methods, reason = "`vacuum` is what a program of ours never runs")]
pub(crate) async fn settle(db: &Db, tables: &[&str]) -> Outcome {
    let mut connection = db.direct_options().connect().await?;
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("vacuum analyze {table}"))).execute(&mut connection).await?;
    }
    sqlx::query("checkpoint").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Ends what was claimed, outside of any measurement, as if it had never been.
pub(crate) async fn forget_claimed(db: &Db) -> Outcome {
    run(
        db,
        "with gone as (delete from oddish.jobs where slot is not null returning token)
        delete from oddish.attempts a using gone where a.token = gone.token",
    )
    .await
}

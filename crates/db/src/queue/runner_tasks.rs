//! The tasks of a container service in which attempts run.
//!
//! A row is written after the service has said that it starts the task. Where that was not to be, the service still knows the task by
//! the attempt's token, and the sweep that finds it there writes the row later.

use oddish_domain::status::JobKind;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::error::Doing;
use crate::jobs::AttemptRef;
use crate::word::Word;
use crate::{Db, DbError};

/// How long a runner may take to end by itself after it has recorded, or after somebody asked for its trial's end: it removes what it made.
pub const LEAVE_WITHIN: Duration = Duration::minutes(1);

/// How long after a request to stop a task the request is repeated.
const ASK_AGAIN: Duration = Duration::minutes(5);

/// How long stopped tasks are remembered.
const KEEP: Duration = Duration::days(30);

/// What the service says of a task that it took away because it needed the machine.
pub const SPOT_INTERRUPTION: &str = "SpotInterruption";

/// A task that the service has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerTask<'a> {
    /// The attempt that runs in it.
    pub attempt: &'a AttemptRef,
    /// What the service calls it.
    pub task_arn: &'a str,
    /// `spot`, `on_demand` or `provider`.
    pub capacity: &'a str,
    /// Its memory in MB.
    pub memory_mb: i32,
}

/// Notes that a task was started; once for each attempt.
pub async fn started(db: &Db, task: &RunnerTask<'_>, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "insert into oddish.runner_tasks (token, trial_id, attempt, task_arn, capacity, memory_mb, launched_at)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
        task.attempt.token,
        task.attempt.subject,
        task.attempt.number,
        task.task_arn,
        task.capacity,
        task.memory_mb,
        now
    )
    .execute(db)
    .await
    .done("note that a container was started")
}

/// What decides where a trial's next attempt runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Harbor environment type of the trial.
    pub environment: String,
    /// How often the service took a task of it away because it needed the machine.
    pub spot_interruptions: i64,
    /// Memory in MB of the largest of its tasks that ran out of memory.
    pub ran_out_of_mb: Option<i32>,
    /// Attempts in a row, up to the newest, that were started and never began.
    pub never_began: i64,
    /// What was said of the newest of these.
    pub last_error: Option<String>,
}

/// How earlier attempts of a trial went, as far as they count: a trial that a user has run again starts over. `None` if there is no such
/// trial any more.
pub async fn history(db: &Db, trial_id: &str) -> Result<Option<History>, DbError> {
    sqlx::query_as!(
        History,
        r#"with counted as (
            select a.number, a.begun_at, a.error, r.stop_code, r.stop_reason, r.memory_mb
            from oddish.trials t
            join oddish.attempts a on a.trial_id = t.id and a.number > t.retried_after and a.ended_at is not null
            join oddish.runner_tasks r on r.token = a.token
            where t.id = $1),
        vain as (
            select number, error from counted
            where number > coalesce((select max(number) from counted where begun_at is not null), 0))
        select t.environment,
            (select count(*) from counted where stop_code = $2) as "spot_interruptions!",
            (select max(memory_mb) from counted where stop_reason like '%OutOfMemory%') as ran_out_of_mb,
            (select count(*) from vain) as "never_began!",
            (select error from vain order by number desc limit 1) as last_error
        from oddish.trials t where t.id = $1"#,
        trial_id,
        SPOT_INTERRUPTION
    )
    .fetch_optional(db)
    .await
    .doing("look at the earlier attempts of a trial")
}

/// What the service calls the task of an attempt, if one was noted and has not stopped.
pub async fn live_arn(db: &Db, token: Uuid) -> Result<Option<String>, DbError> {
    sqlx::query_scalar!("select task_arn from oddish.runner_tasks where token = $1 and stopped_at is null", token)
        .fetch_optional(db)
        .await
        .doing("look for the container of an attempt")
}

/// The tasks that are not known to have stopped, oldest first.
pub async fn live(db: &Db) -> Result<Vec<String>, DbError> {
    sqlx::query_scalar!("select task_arn from oddish.runner_tasks where stopped_at is null order by launched_at")
        .fetch_all(db)
        .await
        .doing("list the containers that run")
}

/// A task that has nothing to do any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwanted {
    /// Fencing token of its attempt.
    pub token: Uuid,
    /// What the service calls it.
    pub task_arn: String,
    /// Whether somebody asked for the end of its trial before it began; then its claim can be given back.
    pub cancelled_claim: bool,
}

/// The tasks whose attempt is over, or was deleted, or whose trial is to end: of those that have begun only after they had time to leave by
/// themselves. A request to stop that came to nothing is due again after a while.
pub async fn unwanted(db: &Db, now: OffsetDateTime) -> Result<Vec<Unwanted>, DbError> {
    sqlx::query_as!(
        Unwanted,
        r#"select r.token, r.task_arn, (j.state = 'claimed') is true as "cancelled_claim!"
        from oddish.runner_tasks r
        left join oddish.attempts a on a.token = r.token
        left join oddish.jobs j on j.token = r.token
        left join oddish.trials t on t.id = j.trial_id
        where r.stopped_at is null and (r.stop_asked_at is null or r.stop_asked_at < $1)
            and case
                when j.id is null then a.begun_at is null or a.ended_at is null or a.ended_at < $2
                when j.state = 'claimed' then t.cancel_requested_at is not null
                else t.cancel_requested_at < $2 end
        order by r.launched_at limit 100"#,
        now - ASK_AGAIN,
        now - LEAVE_WITHIN
    )
    .fetch_all(db)
    .await
    .doing("look for containers that have nothing to do")
}

/// The service was asked to stop a task.
pub async fn stop_asked(db: &Db, task_arn: &str, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!("update oddish.runner_tasks set stop_asked_at = $2 where task_arn = $1", task_arn, now)
        .execute(db)
        .await
        .done("note that a container was asked to stop")
}

/// An attempt whose task has stopped while its job was still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOpen {
    /// The attempt.
    pub attempt: AttemptRef,
    /// Whether it had begun.
    pub begun: bool,
}

/// How a task ended, as the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped<'a> {
    /// What the service calls the task.
    pub task_arn: &'a str,
    /// The attempt's token, where the service tells it; used where the start was not noted.
    pub token: Option<Uuid>,
    /// Such as `SpotInterruption` or `EssentialContainerExited`.
    pub code: &'a str,
    /// For people.
    pub reason: &'a str,
}

/// Notes that a task has stopped, and returns its attempt if that is still open: then nobody has said yet how it went.
pub async fn stopped(db: &Db, stopped: Stopped<'_>, now: OffsetDateTime) -> Result<Option<LeftOpen>, DbError> {
    let doing = "note that a container has stopped";
    sqlx::query!(
        "update oddish.runner_tasks set stopped_at = $2, stop_code = $3, stop_reason = $4
        where task_arn = $1 and stopped_at is null",
        stopped.task_arn,
        now,
        stopped.code,
        stopped.reason
    )
    .execute(db)
    .await
    .doing(doing)?;
    let open = sqlx::query!(
        r#"select kind as "kind!: Word<JobKind>", coalesce(trial_id, task_id) as "subject!", attempt as number, token as "token!",
            state = 'begun' as "begun!"
        from oddish.jobs where token = coalesce((select token from oddish.runner_tasks where task_arn = $1), $2)"#,
        stopped.task_arn,
        stopped.token
    )
    .fetch_optional(db)
    .await
    .doing(doing)?;
    Ok(open.map(|row| {
        let attempt = AttemptRef::read(row.kind, row.subject, row.number, row.token);
        LeftOpen { attempt, begun: row.begun }
    }))
}

/// Whether the service should go on with the task of an attempt: its job is still open under this token.
pub async fn wanted(db: &Db, tokens: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    sqlx::query_scalar!(r#"select token as "token!" from oddish.jobs where token = any($1)"#, tokens)
        .fetch_all(db)
        .await
        .doing("ask which containers have something to do")
}

/// Forgets tasks that stopped long ago.
pub async fn forget(db: &Db, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!("delete from oddish.runner_tasks where stopped_at < $1", now - KEEP)
        .execute(db)
        .await
        .done("forget containers that stopped long ago")
}

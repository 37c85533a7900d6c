//! What a runner and its launcher write about an attempt. Every write names the fencing token, and changes nothing when the token is
//! no longer that of the job's claim.

use serde_json::Value;
use sqlx::{PgPool, PgTransaction};
use time::OffsetDateTime;
use uuid::Uuid;

use oddish_domain::retry;
use oddish_domain::status::{AttemptOutcome, HarborStage, TrialStatus};

use crate::DbError;

/// One process for good: a process id alone is used again by the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Name of the machine.
    pub host: String,
    /// Process id on it.
    pub pid: i32,
    /// When the process started, to the second.
    pub started_at: OffsetDateTime,
}

/// Everything that a runner needs to know to run an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The trial.
    pub trial_id: String,
    /// Number of the attempt, from 1.
    pub number: i32,
    /// The task.
    pub task_id: String,
    /// Name of the task, as the client gave it.
    pub task_name: String,
    /// Version of the task to run.
    pub task_version: i32,
    /// Where its archive is stored.
    pub archive_key: String,
    /// What the archive's SHA-256 must be.
    pub archive_sha256: String,
    /// The agent.
    pub agent: String,
    /// The model, if the agent has one.
    pub model: Option<String>,
    /// Harbor environment type.
    pub environment: String,
    /// The agent's time-out in seconds, where the sweep sets one; it goes before the task's own. Where neither does, the runner
    /// overrides Harbor's default, which is none (`task_toml::TaskCheck::default_agent_timeout_sec`).
    pub agent_timeout_sec: Option<f64>,
    /// Harbor settings of the sweep (`oddish_domain::harbor_settings`).
    pub harbor: Value,
}

/// How a trial came out, as Harbor tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// `success` when Harbor graded the trial, else `failed`.
    pub succeeded: bool,
    /// The scalar reward, when there is one.
    pub reward: Option<f64>,
    /// All rewards by name, when the verifier gave any.
    pub rewards: Option<Value>,
    /// Type of Harbor's exception.
    pub error_type: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// Tokens read, cached ones included.
    pub input_tokens: Option<i64>,
    /// Tokens read from the provider's cache.
    pub cache_tokens: Option<i64>,
    /// Tokens written.
    pub output_tokens: Option<i64>,
    /// Cost in US dollars.
    pub cost_usd: Option<f64>,
    /// Phase to start, end and seconds (contract 3.8).
    pub phase_timing: Option<Value>,
    /// Whether the agent left a trajectory.
    pub has_trajectory: bool,
    /// Prefix under which the attempt's files are stored; none when there are none.
    pub artifact_prefix: Option<String>,
}

/// Whether a write counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// It did.
    Accepted,
    /// The token is stale: the attempt was closed or replaced meanwhile, and nothing was written.
    Stale,
}

/// Begins an attempt: the trial is running from now on. `None` when the token is stale, or the attempt has begun already.
pub async fn begin(
    pool: &PgPool,
    token: Uuid,
    process: &ProcessIdentity,
    now: OffsetDateTime,
) -> Result<Option<Assignment>, DbError> {
    let doing = "begin an attempt";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = sqlx::query!(
        "update oddish.jobs set state = 'begun' where token = $1 and state = 'claimed' returning trial_id, attempt",
        token
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?
    else {
        return Ok(None);
    };
    sqlx::query!(
        "update oddish.attempts set begun_at = $3, host = $4, pid = $5, process_started_at = $6
        where trial_id = $1 and number = $2 and begun_at is null",
        job.trial_id,
        job.attempt,
        now,
        process.host,
        process.pid,
        process.started_at
    )
    .execute(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    let trial = sqlx::query!(
        "update oddish.trials t
        set status = 'running', attempts = attempts + 1, started_at = $2, updated_at = $2, harbor_stage = 'starting',
            error_type = null, error_message = null
        from oddish.task_versions v, oddish.tasks k
        where t.id = $1 and t.status in ('queued', 'retrying')
            and v.task_id = t.task_id and v.version = t.task_version and k.id = t.task_id
        returning t.task_id, k.name as task_name, t.task_version, v.archive_key, v.archive_sha256, t.agent, t.model, t.environment,
            t.agent_timeout_sec, t.harbor",
        job.trial_id,
        now
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    sqlx::query!(
        "update oddish.tasks set status = 'running', started_at = coalesce(started_at, $2), updated_at = $2
        where id = $1 and status = 'pending'",
        trial.task_id,
        now
    )
    .execute(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Some(Assignment {
        trial_id: job.trial_id,
        number: job.attempt,
        task_id: trial.task_id,
        task_name: trial.task_name,
        task_version: trial.task_version,
        archive_key: trial.archive_key,
        archive_sha256: trial.archive_sha256,
        agent: trial.agent,
        model: trial.model,
        environment: trial.environment,
        agent_timeout_sec: trial.agent_timeout_sec,
        harbor: trial.harbor,
    }))
}

/// Tells what Harbor does with the trial now.
pub async fn set_stage(pool: &PgPool, token: Uuid, stage: HarborStage, now: OffsetDateTime) -> Result<Fenced, DbError> {
    sqlx::query!(
        "update oddish.trials t set harbor_stage = $2, updated_at = $3
        from oddish.jobs j where j.token = $1 and j.state = 'begun' and t.id = j.trial_id and t.status = 'running'",
        token,
        stage.as_str(),
        now
    )
    .execute(pool)
    .await
    .map(|done| if done.rows_affected() == 0 { Fenced::Stale } else { Fenced::Accepted })
    .map_err(DbError::while_doing("record the stage of a trial"))
}

/// Records how the attempt came out: closes it, ends the trial, frees the slot and moves the task on, all or nothing.
pub async fn record(pool: &PgPool, token: Uuid, outcome: &Outcome, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let doing = "record the outcome of an attempt";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, "begun").await? else {
        return Ok(Fenced::Stale);
    };
    close_attempt(&mut transaction, &job, AttemptOutcome::Recorded, outcome.error_message.as_deref(), now).await?;
    let status = if outcome.succeeded { TrialStatus::Success } else { TrialStatus::Failed };
    sqlx::query!(
        "update oddish.trials
        set status = $2, finished_at = $3, updated_at = $3, harbor_stage = 'completed', reward = $4, rewards = $5, error_type = $6,
            error_message = $7, input_tokens = $8, cache_tokens = $9, output_tokens = $10, cost_usd = $11, phase_timing = $12,
            has_trajectory = $13, artifact_prefix = $14
        where id = $1 and status = 'running'",
        job.trial_id,
        status.as_str(),
        now,
        outcome.reward,
        outcome.rewards,
        outcome.error_type,
        outcome.error_message,
        outcome.input_tokens,
        outcome.cache_tokens,
        outcome.output_tokens,
        outcome.cost_usd,
        outcome.phase_timing,
        outcome.has_trajectory,
        outcome.artifact_prefix
    )
    .execute(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    end_job(&mut transaction, &job).await?;
    crate::tasks::move_on(&mut transaction, &job.trial_id, now).await?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Fenced::Accepted)
}

/// What became of a trial whose attempt ended without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLoss {
    /// It will be tried again.
    Retried,
    /// Its attempts are used up: it has failed.
    Failed,
    /// The token was stale; nothing was written.
    Stale,
}

/// Closes an attempt whose runner is gone without having recorded anything. The trial is tried again at once, or fails when its
/// attempts are used up. A runner that was gone before it began has used up an attempt too: one that can never begin would be started
/// for ever otherwise.
pub async fn lose(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<AfterLoss, DbError> {
    let doing = "close a lost attempt";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_open_job(&mut transaction, token).await? else {
        return Ok(AfterLoss::Stale);
    };
    close_attempt(&mut transaction, &job, AttemptOutcome::Lost, Some(error), now).await?;
    let trial = sqlx::query!(
        "update oddish.trials set attempts = attempts + (case when status = 'running' then 0 else 1 end), updated_at = $2
        where id = $1 returning attempts, max_attempts",
        job.trial_id,
        now
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    let after = if retry::retry_after_loss(trial.attempts.unsigned_abs(), trial.max_attempts.unsigned_abs()) {
        ready_again(&mut transaction, &job, TrialStatus::Retrying, Some(error), now).await?;
        AfterLoss::Retried
    } else {
        fail_trial(&mut transaction, &job, error, now).await?;
        AfterLoss::Failed
    };
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(after)
}

/// Ends an attempt that was told to stop before it was done, such as by a server that shuts down. It does not count: the trial is queued
/// again.
pub async fn interrupt(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    put_back(pool, token, AttemptOutcome::Interrupted, error, now).await
}

/// Gives back a claim that could not be launched for now. It does not count: the trial is queued again.
pub async fn give_back(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    put_back(pool, token, AttemptOutcome::GivenBack, error, now).await
}

/// Ends a trial whose attempt can never be launched.
pub async fn launch_failed(pool: &PgPool, token: Uuid, error: &str, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let doing = "fail a trial that cannot be launched";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_job(&mut transaction, token, "claimed").await? else {
        return Ok(Fenced::Stale);
    };
    close_attempt(&mut transaction, &job, AttemptOutcome::LaunchFailed, Some(error), now).await?;
    fail_trial(&mut transaction, &job, error, now).await?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Fenced::Accepted)
}

/// An attempt that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// The trial.
    pub trial_id: String,
    /// Number of the attempt.
    pub number: i32,
    /// Its fencing token.
    pub token: Uuid,
    /// The process that runs it.
    pub process: ProcessIdentity,
}

/// The attempts that began on `host` and have not ended.
pub async fn open_on_host(pool: &PgPool, host: &str) -> Result<Vec<OpenAttempt>, DbError> {
    let rows = sqlx::query!(
        r#"select trial_id, number, token, pid as "pid!", process_started_at as "process_started_at!"
        from oddish.attempts where host = $1 and ended_at is null order by begun_at"#,
        host
    )
    .fetch_all(pool)
    .await
    .map_err(DbError::while_doing("list the open attempts of this host"))?;
    Ok(rows
        .into_iter()
        .map(|row| OpenAttempt {
            trial_id: row.trial_id,
            number: row.number,
            token: row.token,
            process: ProcessIdentity { host: host.to_owned(), pid: row.pid, started_at: row.process_started_at },
        })
        .collect())
}

/// Whether the attempt is still open under this token.
pub async fn is_open(pool: &PgPool, token: Uuid) -> Result<bool, DbError> {
    sqlx::query_scalar!(r#"select exists (select from oddish.jobs where token = $1) as "open!""#, token)
        .fetch_one(pool)
        .await
        .map_err(DbError::while_doing("ask whether an attempt is open"))
}

struct Job {
    id: i64,
    trial_id: String,
    attempt: i32,
}

async fn lock_job(transaction: &mut PgTransaction<'_>, token: Uuid, state: &str) -> Result<Option<Job>, DbError> {
    sqlx::query_as!(
        Job,
        "select id, trial_id, attempt from oddish.jobs where token = $1 and state = $2 for update",
        token,
        state
    )
    .fetch_optional(&mut **transaction)
    .await
    .map_err(DbError::while_doing("lock the job of an attempt"))
}

async fn lock_open_job(transaction: &mut PgTransaction<'_>, token: Uuid) -> Result<Option<Job>, DbError> {
    sqlx::query_as!(Job, "select id, trial_id, attempt from oddish.jobs where token = $1 for update", token)
        .fetch_optional(&mut **transaction)
        .await
        .map_err(DbError::while_doing("lock the job of an attempt"))
}

async fn put_back(
    pool: &PgPool,
    token: Uuid,
    outcome: AttemptOutcome,
    error: &str,
    now: OffsetDateTime,
) -> Result<Fenced, DbError> {
    let doing = "put a trial back into the queue";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let Some(job) = lock_open_job(&mut transaction, token).await? else {
        return Ok(Fenced::Stale);
    };
    close_attempt(&mut transaction, &job, outcome, Some(error), now).await?;
    sqlx::query!(
        "update oddish.trials set attempts = attempts - 1 where id = $1 and status = 'running' and attempts > 0",
        job.trial_id
    )
    .execute(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    ready_again(&mut transaction, &job, TrialStatus::Queued, None, now).await?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(Fenced::Accepted)
}

async fn close_attempt(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    outcome: AttemptOutcome,
    error: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.attempts set ended_at = $3, outcome = $4, error = $5
        where trial_id = $1 and number = $2 and ended_at is null",
        job.trial_id,
        job.attempt,
        now,
        outcome.as_str(),
        error
    )
    .execute(&mut **transaction)
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("close an attempt"))
}

async fn ready_again(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    status: TrialStatus,
    error: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let doing = "make a job ready again";
    sqlx::query!(
        "with freed as (update oddish.slots set job_id = null where job_id = $1)
        update oddish.jobs set state = 'ready', token = null, slot = null, available_at = $2 where id = $1",
        job.id,
        now
    )
    .execute(&mut **transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    // A trial that had not begun keeps its status: it was never anything but waiting.
    sqlx::query!(
        "update oddish.trials set status = $2, harbor_stage = null, error_message = $3, updated_at = $4
        where id = $1 and status = 'running'",
        job.trial_id,
        status.as_str(),
        error,
        now
    )
    .execute(&mut **transaction)
    .await
    .map(|_| ())
    .map_err(DbError::while_doing(doing))
}

async fn fail_trial(
    transaction: &mut PgTransaction<'_>,
    job: &Job,
    error: &str,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.trials set status = 'failed', finished_at = $3, updated_at = $3, error_message = $2
        where id = $1 and status in ('queued', 'running', 'retrying')",
        job.trial_id,
        error,
        now
    )
    .execute(&mut **transaction)
    .await
    .map_err(DbError::while_doing("fail a trial"))?;
    end_job(transaction, job).await?;
    crate::tasks::move_on(transaction, &job.trial_id, now).await
}

async fn end_job(transaction: &mut PgTransaction<'_>, job: &Job) -> Result<(), DbError> {
    // The slot is freed by the foreign key's own action.
    sqlx::query!("delete from oddish.jobs where id = $1", job.id)
        .execute(&mut **transaction)
        .await
        .map(|_| ())
        .map_err(DbError::while_doing("end a job"))
}

//! What a runner and its launcher write about an attempt. Every write names the fencing token, and changes nothing when the token is
//! no longer that of the job's claim.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use oddish_domain::failure::Failure;
use oddish_domain::status::{HarborStage, JobKind, JobState};

use crate::error::{Doing, parse};
use crate::leases::LEASE;
use crate::{Db, DbError, Tx};

mod ending;
mod recording;

pub use ending::{AfterLoss, cancelled, give_back, interrupt, launch_failed, lose, reap};
pub(crate) use ending::{Closing, close_attempt, end_job, mark_cancelled, wait};
pub(crate) use recording::decide;
pub use recording::{Recorded, record, record_all};

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
    /// The key whose slot it holds.
    pub queue_key: String,
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

/// How a trial came out, as Harbor tells it. Its JSON is what a runner stores beside the trial's files before it records it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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

impl Outcome {
    /// Why there is no result that counts; none if there is one.
    #[must_use]
    pub fn failure(&self, now: OffsetDateTime) -> Option<Failure> {
        let text = |field: &'_ Option<String>| field.clone().unwrap_or_default();
        (!self.succeeded).then(|| Failure::of(&text(&self.error_type), &text(&self.error_message), now))
    }
}

/// An outcome as a runner stores it before it records it, so that it is not lost with the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// The attempt's fencing token: an outcome is recorded under this token or not at all.
    pub token: Uuid,
    /// The outcome.
    pub outcome: Outcome,
}

/// Whether a write counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// It did.
    Accepted,
    /// The token is stale: the attempt was closed or replaced meanwhile, and nothing was written.
    Stale,
}

/// Begins an attempt: the trial is running from now on, and the attempt has a lease. `None` when the token is stale, the attempt has begun
/// already, or the trial was cancelled meanwhile.
pub async fn begin(
    db: &Db,
    token: Uuid,
    process: &ProcessIdentity,
    now: OffsetDateTime,
) -> Result<Option<Assignment>, DbError> {
    let doing = "begin an attempt";
    let mut tx = db.begin().await.doing(doing)?;
    let Some(job) = begin_job(&mut tx, token, &[JobKind::Trial], process, now).await? else {
        return Ok(None);
    };
    if ending::cancel_if_asked(&mut tx, &job, now).await? {
        tx.commit().await.doing(doing)?;
        return Ok(None);
    }
    let trial = sqlx::query!(
        "update oddish.trials t
        set status = 'running', attempts = attempts + 1, started_at = $2, updated_at = $2, harbor_stage = 'starting',
            error_type = null, error_message = null, error_class = null
        from oddish.task_versions v, oddish.tasks k
        where t.id = $1 and t.status in ('queued', 'retrying')
            and v.task_id = t.task_id and v.version = t.task_version and k.id = t.task_id
        returning t.task_id, k.name as task_name, t.task_version, v.archive_key, v.archive_sha256, t.agent, t.model, t.environment,
            t.agent_timeout_sec, t.harbor",
        job.subject,
        now
    )
    .fetch_one(&mut tx)
    .await
    .doing(doing)?;
    sqlx::query!(
        "update oddish.tasks set status = 'running', started_at = coalesce(started_at, $2), updated_at = $2
        where id = $1 and status = 'pending'",
        trial.task_id,
        now
    )
    .execute(&mut tx)
    .await
    .doing(doing)?;
    tx.commit().await.doing(doing)?;
    Ok(Some(Assignment {
        trial_id: job.subject,
        number: job.attempt,
        queue_key: job.queue_key,
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
pub async fn set_stage(db: &Db, token: Uuid, stage: HarborStage, now: OffsetDateTime) -> Result<Fenced, DbError> {
    sqlx::query!(
        "update oddish.trials t set harbor_stage = $2, updated_at = $3
        from oddish.jobs j where j.token = $1 and j.state = 'begun' and t.id = j.trial_id and t.status = 'running'",
        token,
        stage.as_str(),
        now
    )
    .execute(db)
    .await
    .map(|done| if done.rows_affected() == 0 { Fenced::Stale } else { Fenced::Accepted })
    .doing("record the stage of a trial")
}

/// What a runner learns about its attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Go on.
    Ours,
    /// Somebody asked for the trial's end.
    CancelRequested,
    /// The attempt was closed, or replaced by a newer one.
    Stale,
}

/// How an attempt stands.
pub async fn standing(db: &Db, token: Uuid) -> Result<Standing, DbError> {
    let asked = sqlx::query_scalar!(
        r#"select coalesce(j.kind = 'trial' and t.cancel_requested_at is not null, false) as "asked!"
        from oddish.jobs j left join oddish.trials t on t.id = j.trial_id where j.token = $1"#,
        token
    )
    .fetch_optional(db)
    .await
    .doing("ask how an attempt stands")?;
    Ok(match asked {
        Some(true) => Standing::CancelRequested,
        Some(false) => Standing::Ours,
        None => Standing::Stale,
    })
}

/// An attempt that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// What it does.
    pub kind: JobKind,
    /// For which trial or task.
    pub subject: String,
    /// Number of the attempt.
    pub number: i32,
    /// Its fencing token.
    pub token: Uuid,
    /// The process that runs it.
    pub process: ProcessIdentity,
}

/// The attempts that began on `host` and have not ended.
pub async fn open_on_host(db: &Db, host: &str) -> Result<Vec<OpenAttempt>, DbError> {
    let rows = sqlx::query!(
        r#"select kind, coalesce(trial_id, task_id) as "subject!", number, token, pid as "pid!", process_started_at as "process_started_at!"
        from oddish.attempts where host = $1 and ended_at is null order by begun_at"#,
        host
    )
    .fetch_all(db)
    .await
    .doing("list the open attempts of this host")?;
    let open = rows.into_iter().map(|row| {
        Ok(OpenAttempt {
            kind: parse("attempts.kind", &row.kind)?,
            subject: row.subject,
            number: row.number,
            token: row.token,
            process: ProcessIdentity { host: host.to_owned(), pid: row.pid, started_at: row.process_started_at },
        })
    });
    open.collect()
}

/// The number of the attempt that has this token.
pub async fn number(db: &Db, token: Uuid) -> Result<Option<i32>, DbError> {
    sqlx::query_scalar!("select number from oddish.attempts where token = $1", token)
        .fetch_optional(db)
        .await
        .doing("look for an attempt by its token")
}

/// Whether the attempt is still open under this token.
pub async fn is_open(db: &Db, token: Uuid) -> Result<bool, DbError> {
    sqlx::query_scalar!(r#"select exists (select from oddish.jobs where token = $1) as "open!""#, token)
        .fetch_one(db)
        .await
        .doing("ask whether an attempt is open")
}

/// The job of an attempt, locked.
pub(crate) struct Job {
    pub(crate) id: i64,
    pub(crate) kind: JobKind,
    /// The trial or the task.
    pub(crate) subject: String,
    pub(crate) attempt: i32,
    pub(crate) queue_key: String,
    pub(crate) token: Uuid,
}

impl Job {
    fn of(id: i64, kind: &str, subject: String, attempt: i32, queue_key: String, token: Uuid) -> Result<Self, DbError> {
        Ok(Self { id, kind: parse("jobs.kind", kind)?, subject, attempt, queue_key, token })
    }
}

/// Gives the job its lease and its attempt the process that runs it, if the token is that of a claim nobody has begun.
pub(crate) async fn begin_job(
    tx: &mut Tx,
    token: Uuid,
    kinds: &[JobKind],
    process: &ProcessIdentity,
    now: OffsetDateTime,
) -> Result<Option<Job>, DbError> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let row = sqlx::query!(
        r#"with begun as (
            update oddish.jobs set state = 'begun', begin_by = null, lease_until = $2
            where token = $1 and state = 'claimed' and kind = any($3)
            returning id, kind, trial_id, task_id, attempt, queue_key, token),
        noted as (
            update oddish.attempts a set begun_at = $4, host = $5, pid = $6, process_started_at = $7
            from begun b where a.token = b.token and a.begun_at is null)
        select id, kind, coalesce(trial_id, task_id) as "subject!", attempt, queue_key, token as "token!" from begun"#,
        token,
        now + LEASE,
        &kinds as &[&str],
        now,
        process.host,
        process.pid,
        process.started_at
    )
    .fetch_optional(&mut *tx)
    .await
    .doing("begin an attempt")?;
    row.map(|row| Job::of(row.id, &row.kind, row.subject, row.attempt, row.queue_key, row.token)).transpose()
}

pub(crate) async fn lock_job(tx: &mut Tx, token: Uuid, states: &[JobState]) -> Result<Option<Job>, DbError> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let row = sqlx::query!(
        r#"select id, kind, coalesce(trial_id, task_id) as "subject!", attempt, queue_key, token as "token!" from oddish.jobs
        where token = $1 and state = any($2) for update"#,
        token,
        &states as &[&str]
    )
    .fetch_optional(&mut *tx)
    .await
    .doing("lock the job of an attempt")?;
    row.map(|row| Job::of(row.id, &row.kind, row.subject, row.attempt, row.queue_key, row.token)).transpose()
}

//! Writes of a runner and its launcher about an attempt. Every write names the fencing token, and changes nothing when the token is
//! no longer that of the job's claim.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use oddish_domain::status::{HarborStage, JobKind};

use crate::error::Doing;
use crate::jobs::{AttemptRef, Fenced, LiveAttempt, ProcessIdentity, begin_job};
use crate::word::Word;
use crate::{Db, DbError};

pub(crate) mod decision;
mod ended;
mod ending;
mod files;
mod outcome;
mod recording;
pub(crate) mod subject;
pub(crate) mod trial_end;

pub use ended::ended;
pub use ending::{AfterLoss, cancelled, give_back, interrupt, launch_failed, lose, reap};
pub use files::{files_stored, was_recorded};
pub use outcome::{Outcome, StoredOutcome};
pub use recording::{record, record_all};

/// Everything that a runner needs to know to run an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The attempt.
    pub attempt: AttemptRef,
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
    if trial_end::cancel_if_asked(&mut tx, &job, now).await? {
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
        job.attempt.subject,
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
        attempt: job.attempt,
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

/// The attempts that began on `host` and have not ended.
pub async fn open_on_host(db: &Db, host: &str) -> Result<Vec<LiveAttempt>, DbError> {
    let rows = sqlx::query!(
        r#"select kind as "kind!: Word<JobKind>", coalesce(trial_id, task_id) as "subject!", number, token, pid as "pid!", process_started_at as "process_started_at!"
        from oddish.attempts where host = $1 and ended_at is null order by begun_at"#,
        host
    )
    .fetch_all(db)
    .await
    .doing("list the open attempts of this host")?;
    let open = rows.into_iter().map(|row| {
        let attempt = AttemptRef::read(row.kind, row.subject, row.number, row.token);
        let process = ProcessIdentity { host: host.to_owned(), pid: row.pid, started_at: row.process_started_at };
        LiveAttempt { attempt, process }
    });
    Ok(open.collect())
}

/// The number of the attempt that has this token.
pub async fn number(db: &Db, token: Uuid) -> Result<Option<i32>, DbError> {
    sqlx::query_scalar!("select number from oddish.attempts where token = $1", token)
        .fetch_optional(db)
        .await
        .doing("look for an attempt by its token")
}

//! Writes a sweep's trials and jobs.

use std::collections::{BTreeMap, BTreeSet};

use oddish_domain::id;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::status::{Priority, TaskStatus};
use oddish_domain::sweep::TrialSpec;
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::idempotency::Work;
use crate::word::Word;
use crate::{Db, DbError, Tx, experiments, queue_keys, stages, tallies};

/// A sweep that was checked and expanded.
#[derive(Clone, Debug)]
pub struct NewSweep<'a> {
    /// The uploaded task.
    pub task_id: &'a str,
    /// The version that the trials run; without one the newest.
    pub version: Option<i32>,
    /// A new name for it.
    pub name: Option<&'a str>,
    /// Who submits.
    pub submitted_by: &'a str,
    /// Whose key it is submitted with: its jobs then count for them.
    pub key_owner: Option<&'a str>,
    /// Before or after others.
    pub priority: Priority,
    /// Id or name of the experiment.
    pub experiment: Option<&'a str>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Whether the trials may be added to a task that has some already. It then keeps its name, submitter, priority and labels.
    pub append: bool,
    /// The trials, in order of their index from 0; where trials are added, they are numbered on from the last one.
    pub trials: &'a [TrialSpec],
    /// Most attempts, for each trial.
    pub max_attempts: i32,
    /// Which models judge the trials and then the task, if anybody does. A task that has trials already stays as it is.
    pub judges: Option<Judges<'a>>,
}

/// The queue keys of the models that judge a task.
#[derive(Clone, Copy, Debug)]
pub struct Judges<'a> {
    /// Of the one that analyses each trial.
    pub analysis_key: &'a str,
    /// Of the one that makes the verdict.
    pub verdict_key: &'a str,
}

/// What a sweep created.
#[derive(Clone, Debug)]
pub struct CreatedSweep {
    /// Name of the task.
    pub task_name: String,
    /// Its stage.
    pub status: TaskStatus,
    /// Its priority, which is that of the trials too.
    pub priority: Priority,
    /// The experiment.
    pub experiment: experiments::Experiment,
    /// The version that the trials run.
    pub version: i32,
    /// Index of the first of them; the others go on from there.
    pub first_index: u32,
    /// When the task was created.
    pub created_at: OffsetDateTime,
}

/// Why a sweep was not created.
#[derive(Debug, thiserror::Error)]
pub enum SweepRefused {
    /// No such task was uploaded.
    #[error("no task has this id")]
    TaskNotFound,
    /// The task was announced, and its archive never came.
    #[error("the task's upload was not completed")]
    NotUploaded,
    /// The task has versions, but not the one that was named.
    #[error("the task has no version {version}")]
    VersionNotFound {
        /// The one that was named.
        version: i32,
    },
    /// The task has been submitted before, and the sweep is not to be appended.
    #[error("the task has trials already")]
    AlreadySubmitted,
    /// The task is being judged, and trials that are added now would not be.
    #[error("the task is being analysed or judged")]
    BeingJudged,
    /// The trials are to be judged, and the task was created without that.
    #[error("the task is not judged")]
    NotJudged,
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Creates the trials of a sweep and a job for each, in one transaction. The caller wakes the dispatcher afterwards.
pub async fn create(
    db: &Db,
    sweep: &NewSweep<'_>,
    limits: &ConcurrencyLimits,
    now: OffsetDateTime,
) -> Result<CreatedSweep, SweepRefused> {
    let mut work = Work::begin(db).await?;
    let created = create_within(&mut work, sweep, limits, now).await?;
    work.finish(&Value::Null).await?;
    Ok(created)
}

/// Does what [`create`] does, as part of a request's work.
pub async fn create_within(
    work: &mut Work,
    sweep: &NewSweep<'_>,
    limits: &ConcurrencyLimits,
    now: OffsetDateTime,
) -> Result<CreatedSweep, SweepRefused> {
    let doing = "create a sweep";
    let tx = &mut work.tx;
    let task = sqlx::query!(
        r#"select name, status as "status!: Word<TaskStatus>", experiment_id, priority as "priority!: Word<Priority>", created_at,
            analysis_key is not null as "judged!" from oddish.tasks
        where id = $1 for no key update"#,
        sweep.task_id
    )
    .fetch_optional(&mut *tx)
    .await
    .doing(doing)?
    .ok_or(SweepRefused::TaskNotFound)?;
    // Only now that the task's row is ours: a statement sees what was committed when it began, and not what it waited for.
    let found = sqlx::query!(
        "select (select max(version) from oddish.task_versions where task_id = $1) as newest,
            (select version from oddish.task_versions where task_id = $1 and version = $2) as named,
            (select 1 + max(trial_index) from oddish.trials where task_id = $1) as next_index",
        sweep.task_id,
        sweep.version
    )
    .fetch_one(&mut *tx)
    .await
    .doing(doing)?;
    let newest = found.newest.ok_or(SweepRefused::NotUploaded)?;
    let version = match sweep.version {
        None => newest,
        Some(version) => found.named.ok_or(SweepRefused::VersionNotFound { version })?,
    };
    let status: TaskStatus = task.status.into();
    let appending = task.experiment_id.is_some();
    if appending && !sweep.append {
        return Err(SweepRefused::AlreadySubmitted);
    }
    if appending && sweep.judges.is_some() && !task.judged {
        return Err(SweepRefused::NotJudged);
    }
    if matches!(status, TaskStatus::Analyzing | TaskStatus::VerdictPending) {
        return Err(SweepRefused::BeingJudged);
    }
    let wanted = sweep.experiment.or(task.experiment_id.as_deref());
    let experiment = experiments::find_or_create(tx, wanted, now).await?;
    let judges = sweep.judges.iter().flat_map(|judges| [judges.analysis_key, judges.verdict_key]);
    let keys: BTreeSet<&str> = sweep.trials.iter().map(|trial| trial.queue_key.as_str()).chain(judges).collect();
    let keys: Vec<String> = keys.into_iter().map(String::from).collect();
    queue_keys::ensure(tx, &keys, limits, now).await?;
    let task_name = if appending { &task.name } else { sweep.name.unwrap_or(&task.name) };
    let priority = if appending { task.priority.into() } else { sweep.priority };
    let status = if appending {
        stages::reopen(tx, &[sweep.task_id.to_owned()], now).await?;
        if status.is_terminal() { TaskStatus::Running } else { status }
    } else {
        submit(tx, sweep, task_name, &experiment.id, now).await?;
        status
    };
    let first_index = found.next_index.unwrap_or(0).unsigned_abs();
    let place = Place { version, experiment_id: &experiment.id, priority, first_index };
    insert_trials(tx, sweep, &place, now).await?;
    let task_name = task_name.to_owned();
    Ok(CreatedSweep { task_name, status, priority, experiment, version, first_index, created_at: task.created_at })
}

/// Files an uploaded task under its experiment: from now on it is listed.
async fn submit(
    tx: &mut Tx,
    sweep: &NewSweep<'_>,
    task_name: &str,
    experiment_id: &str,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let tags = serde_json::to_value(&sweep.tags).unwrap_or(Value::Null);
    sqlx::query!(
        "update oddish.tasks set name = $2, experiment_id = $3, submitted_by = $4, priority = $5, tags = $6, updated_at = $7,
            analysis_key = $8, verdict_key = $9, key_owner = $10
        where id = $1",
        sweep.task_id,
        task_name,
        experiment_id,
        sweep.submitted_by,
        sweep.priority.as_str(),
        tags,
        now,
        sweep.judges.map(|judges| judges.analysis_key),
        sweep.judges.map(|judges| judges.verdict_key),
        sweep.key_owner
    )
    .execute(&mut *tx)
    .await
    .done("submit a task")
}

/// Where new trials belong.
struct Place<'a> {
    version: i32,
    experiment_id: &'a str,
    priority: Priority,
    first_index: u32,
}

async fn insert_trials(
    tx: &mut Tx,
    sweep: &NewSweep<'_>,
    place: &Place<'_>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let trials = sweep.trials;
    let index = |trial: &TrialSpec| place.first_index.saturating_add(trial.index);
    let ids: Vec<String> = trials.iter().map(|trial| id::trial_id(sweep.task_id, index(trial))).collect();
    let indices: Vec<i32> = trials.iter().map(|trial| i32::try_from(index(trial)).unwrap_or(i32::MAX)).collect();
    let agents: Vec<&str> = trials.iter().map(|trial| trial.agent.as_str()).collect();
    let models: Vec<Option<&str>> = trials.iter().map(|trial| trial.model.as_deref()).collect();
    let providers: Vec<&str> = trials.iter().map(|trial| trial.provider).collect();
    let keys: Vec<&str> = trials.iter().map(|trial| trial.queue_key.as_str()).collect();
    let environments: Vec<&str> = trials.iter().map(|trial| trial.environment.as_str()).collect();
    let timeouts: Vec<Option<f64>> = trials.iter().map(|trial| trial.agent_timeout_sec).collect();
    let harbor: Vec<Value> =
        trials.iter().map(|trial| serde_json::to_value(&trial.harbor).unwrap_or(Value::Null)).collect();
    let priority: i16 = match place.priority {
        Priority::High => 0,
        Priority::Low => 1,
    };
    sqlx::query!(
        "with created as (
            insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, model, provider, queue_key,
                environment, agent_timeout_sec, harbor, max_attempts, created_at, updated_at)
            select id, $1, $2, trial_index, $3, agent, model, provider, queue_key, environment, timeout, harbor, $4, $5, $5
            from unnest($6::text[], $7::int[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::float8[],
                $14::jsonb[]) as t (id, trial_index, agent, model, provider, queue_key, environment, timeout, harbor)
            returning id, queue_key, trial_index)
        insert into oddish.jobs (kind, trial_id, queue_key, priority, due_at, submitter)
        select 'trial', id, queue_key, $15, $5, (select coalesce(key_owner, submitted_by) from oddish.tasks where id = $1) from created order by trial_index",
        sweep.task_id,
        place.version,
        place.experiment_id,
        sweep.max_attempts,
        now,
        &ids,
        &indices,
        &agents as &[&str],
        &models as &[Option<&str>],
        &providers as &[&str],
        &keys as &[&str],
        &environments as &[&str],
        &timeouts as &[Option<f64>],
        &harbor,
        priority
    )
    .execute(&mut *tx)
    .await
    .doing("insert the trials of a sweep")?;
    tallies::created(tx, &ids).await
}

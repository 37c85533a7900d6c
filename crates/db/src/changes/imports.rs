//! Imports trials that ran elsewhere.
//!
//! An imported trial is there, with its end, from the moment it is announced; its files follow, if there are any.

use oddish_domain::id;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::status::{TaskStatus, TrialOrigin, TrialStatus};
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::experiments::Experiment;
use crate::idempotency::Work;
use crate::word::Word;
use crate::{Db, DbError, Tx, experiments, queue_keys, stages, tallies};

/// A trial that ran elsewhere, checked.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "the columns are described in the migrations and, as fields on the wire, in oddish-api-types"
)]
pub struct NewImport<'a> {
    pub task_id: &'a str,
    /// Id or name of the experiment; without one, that of the task.
    pub experiment: Option<&'a str>,
    /// Who is said to have submitted the task, if nobody has.
    pub submitted_by: &'a str,
    pub key_owner: Option<&'a str>,
    pub agent: &'a str,
    pub model: Option<&'a str>,
    pub provider: &'a str,
    pub queue_key: &'a str,
    pub environment: &'a str,
    /// `Success` or `Failed`.
    pub status: TrialStatus,
    pub reward: Option<f64>,
    pub error_message: Option<&'a str>,
    pub harbor_stage: &'a str,
    pub input_tokens: Option<i64>,
    pub cache_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub phase_timing: Option<Value>,
    pub has_trajectory: bool,
    pub started_at: Option<OffsetDateTime>,
    pub finished_at: OffsetDateTime,
    /// What it is called where it ran.
    pub external_trial_id: Option<&'a str>,
    /// Where its files will be put, if there will be any.
    pub staging_key: Option<&'a str>,
}

/// A trial that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its id here.
    pub trial_id: String,
    /// Its experiment.
    pub experiment: Experiment,
    /// Where its files are awaited.
    pub staging_key: Option<String>,
}

/// Why a trial was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportRefused {
    /// No such task was uploaded.
    #[error("no task has this id")]
    TaskNotFound,
    /// The task was announced, and its archive never came.
    #[error("the task's upload was not completed")]
    NotUploaded,
    /// The task is being judged, and a trial that is added now would not be.
    #[error("the task is being analysed or judged")]
    BeingJudged,
    /// A trial of this external id is there, and no files of it are awaited.
    #[error("the trial was imported before, as {trial_id}")]
    Duplicate {
        /// The trial that is there.
        trial_id: String,
    },
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Writes a trial that ran elsewhere, with its end. One that was announced before under the same external id, and whose files have not come
/// yet, is left as it is and named again.
pub async fn announce(
    db: &Db,
    new: &NewImport<'_>,
    limits: &ConcurrencyLimits,
    now: OffsetDateTime,
) -> Result<Imported, ImportRefused> {
    let doing = "import a trial";
    let mut tx = db.begin().await.doing(doing)?;
    let task = sqlx::query!(
        r#"select status as "status!: Word<TaskStatus>", experiment_id, analysis_key is not null as "judged!" from oddish.tasks where id = $1 for no key update"#,
        new.task_id
    )
    .fetch_optional(&mut tx)
    .await
    .doing(doing)?
    .ok_or(ImportRefused::TaskNotFound)?;
    // From here on the task's row is ours: what is read now stays so.
    if let Some(imported) = find(&mut tx, new).await? {
        return Ok(imported);
    }
    let newest = sqlx::query!(
        "select (select max(version) from oddish.task_versions where task_id = $1) as version,
            (select 1 + max(trial_index) from oddish.trials where task_id = $1) as next_index",
        new.task_id
    )
    .fetch_one(&mut tx)
    .await
    .doing(doing)?;
    let version = newest.version.ok_or(ImportRefused::NotUploaded)?;
    let status: TaskStatus = task.status.into();
    if matches!(status, TaskStatus::Analyzing | TaskStatus::VerdictPending) {
        return Err(ImportRefused::BeingJudged);
    }
    let wanted = new.experiment.or(task.experiment_id.as_deref());
    let experiment = experiments::find_or_create(&mut tx, wanted, now).await?;
    queue_keys::ensure(&mut tx, &[new.queue_key.to_owned()], limits, now).await?;
    file_task(&mut tx, new, &experiment.id, now).await?;
    if task.judged && status.is_terminal() {
        stages::reopen(&mut tx, &[new.task_id.to_owned()], now).await?;
    }
    let index = newest.next_index.unwrap_or(0);
    let trial_id = id::trial_id(new.task_id, index.unsigned_abs());
    insert(&mut tx, new, &Place { trial_id: &trial_id, index, version, experiment: &experiment.id }, now).await?;
    let trials = [trial_id];
    tallies::created(&mut tx, &trials).await?;
    stages::trials_ended(&mut tx, &trials, now).await?;
    tx.commit().await.doing(doing)?;
    let [trial_id] = trials;
    Ok(Imported { trial_id, experiment, staging_key: new.staging_key.map(str::to_owned) })
}

/// The trial that has the new one's external id already.
async fn find(tx: &mut Tx, new: &NewImport<'_>) -> Result<Option<Imported>, ImportRefused> {
    let Some(external_trial_id) = new.external_trial_id else { return Ok(None) };
    let found = sqlx::query!(
        r#"select t.id, e.id as experiment_id, e.name as experiment_name, i.staging_key as "staging_key?"
        from oddish.trials t
        join oddish.experiments e on e.id = t.experiment_id
        left join oddish.trial_imports i on i.trial_id = t.id
        where t.task_id = $1 and t.external_trial_id = $2"#,
        new.task_id,
        external_trial_id
    )
    .fetch_optional(&mut *tx)
    .await
    .doing("look for a trial that was imported before")?;
    let Some(found) = found else { return Ok(None) };
    if found.staging_key.is_none() || new.staging_key.is_none() {
        return Err(ImportRefused::Duplicate { trial_id: found.id });
    }
    let experiment = Experiment { id: found.experiment_id, name: found.experiment_name };
    Ok(Some(Imported { trial_id: found.id, experiment, staging_key: found.staging_key }))
}

/// Files the task, whose row is locked, under the experiment, if it is under none: from now on it is listed.
async fn file_task(tx: &mut Tx, new: &NewImport<'_>, experiment_id: &str, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.tasks
        set experiment_id = coalesce(experiment_id, $2), submitted_by = coalesce(submitted_by, $3),
            key_owner = case when submitted_by is null then $4 else key_owner end,
            started_at = coalesce(started_at, $5), updated_at = $6
        where id = $1",
        new.task_id,
        experiment_id,
        new.submitted_by,
        new.key_owner,
        new.started_at,
        now
    )
    .execute(&mut *tx)
    .await
    .done("file a task under an experiment")
}

/// Where the new trial belongs.
struct Place<'a> {
    trial_id: &'a str,
    index: i32,
    version: i32,
    experiment: &'a str,
}

async fn insert(tx: &mut Tx, new: &NewImport<'_>, place: &Place<'_>, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "with imported as (
            insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, model, provider, queue_key,
                environment, status, max_attempts, harbor_stage, reward, rewards, error_message, input_tokens, cache_tokens,
                output_tokens, cost_usd, phase_timing, has_trajectory, created_at, updated_at, started_at, finished_at, origin,
                external_trial_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13,
                case when $13::float8 is not null then jsonb_build_object('reward', $13::float8) end, $14, $15, $16, $17, $18, $19,
                $20, $21, $21, $22, $23, 'imported', $24)
            returning id)
        insert into oddish.trial_imports (trial_id, staging_key, created_at)
        select id, $25::text, $21 from imported where $25::text is not null",
        place.trial_id,
        new.task_id,
        place.version,
        place.index,
        place.experiment,
        new.agent,
        new.model,
        new.provider,
        new.queue_key,
        new.environment,
        new.status.as_str(),
        new.harbor_stage,
        new.reward,
        new.error_message,
        new.input_tokens,
        new.cache_tokens,
        new.output_tokens,
        new.cost_usd,
        new.phase_timing,
        new.has_trajectory,
        now,
        new.started_at,
        new.finished_at,
        new.external_trial_id,
        new.staging_key
    )
    .execute(&mut *tx)
    .await
    .done("insert an imported trial")
}

/// What there is to complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToComplete {
    /// Files are awaited. Nobody else completes them, and the trial stays, until the work ends.
    Held {
        /// The trial's task.
        task_id: String,
        /// Where the client put their archive.
        staging_key: String,
    },
    /// Somebody else is completing it at this moment.
    Busy,
    /// The files are there: their prefix.
    Completed {
        /// Prefix of the files.
        prefix: String,
    },
    /// The trial was imported without files.
    NoFiles,
    /// The trial ran here.
    NotImported,
    /// There is no such trial.
    Unknown,
}

/// Takes hold of the files that are awaited of a trial, as part of a request's work.
pub async fn begin_completion(work: &mut Work, trial_id: &str) -> Result<ToComplete, DbError> {
    let doing = "begin to complete an import";
    let tx = &mut work.tx;
    // Before the import's row, in the order in which a deletion of the trial locks them.
    let trial = sqlx::query!(
        r#"select task_id, origin as "origin!: Word<TrialOrigin>" from oddish.trials where id = $1 for key share"#,
        trial_id
    )
    .fetch_optional(&mut *tx)
    .await
    .doing(doing)?;
    let Some(trial) = trial else { return Ok(ToComplete::Unknown) };
    if TrialOrigin::from(trial.origin) != TrialOrigin::Imported {
        return Ok(ToComplete::NotImported);
    }
    let held = sqlx::query_scalar!(
        "select staging_key from oddish.trial_imports where trial_id = $1 for update skip locked",
        trial_id
    )
    .fetch_optional(&mut *tx)
    .await
    .doing(doing)?;
    if let Some(staging_key) = held {
        return Ok(ToComplete::Held { task_id: trial.task_id, staging_key });
    }
    let rest = sqlx::query!(
        r#"select t.artifact_prefix, exists (select from oddish.trial_imports where trial_id = t.id) as "awaited!"
        from oddish.trials t where t.id = $1"#,
        trial_id
    )
    .fetch_one(&mut *tx)
    .await
    .doing(doing)?;
    Ok(match rest.artifact_prefix {
        _ if rest.awaited => ToComplete::Busy,
        Some(prefix) => ToComplete::Completed { prefix },
        None => ToComplete::NoFiles,
    })
}

/// Notes where the files of a trial lie that was [held](ToComplete::Held), as part of the same work.
pub async fn complete(
    work: &mut Work,
    trial_id: &str,
    prefix: &str,
    has_trajectory: bool,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "with awaited as (delete from oddish.trial_imports where trial_id = $1)
        update oddish.trials set artifact_prefix = $2, has_trajectory = has_trajectory or $3, updated_at = $4 where id = $1",
        trial_id,
        prefix,
        has_trajectory,
        now
    )
    .execute(&mut work.tx)
    .await
    .done("complete an import")
}

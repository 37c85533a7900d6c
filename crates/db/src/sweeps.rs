//! Turning a sweep into trials and jobs.

use std::collections::{BTreeMap, BTreeSet};

use oddish_domain::id;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::status::{Priority, TaskStatus};
use oddish_domain::sweep::TrialSpec;
use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::error::parse;
use crate::{DbError, experiments, queue_keys};

/// A sweep that was checked and expanded.
#[derive(Clone, Debug)]
pub struct NewSweep<'a> {
    /// The uploaded task.
    pub task_id: &'a str,
    /// A new name for it.
    pub name: Option<&'a str>,
    /// Who submits.
    pub submitted_by: &'a str,
    /// Before or after others.
    pub priority: Priority,
    /// Id or name of the experiment.
    pub experiment: Option<&'a str>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// The trials, in order of their index from 0.
    pub trials: &'a [TrialSpec],
    /// Attempts at the most, for each trial.
    pub max_attempts: i32,
}

/// What a sweep created.
#[derive(Clone, Debug)]
pub struct CreatedSweep {
    /// Name of the task.
    pub task_name: String,
    /// Its stage.
    pub status: TaskStatus,
    /// The experiment.
    pub experiment: experiments::Experiment,
    /// When the task was created.
    pub created_at: OffsetDateTime,
}

/// Why a sweep was not created.
#[derive(Debug, thiserror::Error)]
pub enum SweepRefused {
    /// No such task was uploaded.
    #[error("no task has this id")]
    TaskNotFound,
    /// The task has been submitted before.
    #[error("the task has trials already")]
    AlreadySubmitted,
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Creates the trials of a sweep and a job for each, in one transaction. The caller wakes the dispatcher afterwards.
pub async fn create(
    pool: &PgPool,
    sweep: &NewSweep<'_>,
    limits: &ConcurrencyLimits,
    now: OffsetDateTime,
) -> Result<CreatedSweep, SweepRefused> {
    let doing = "create a sweep";
    let mut transaction = pool.begin().await.map_err(DbError::while_doing(doing))?;
    let task = sqlx::query!(
        r#"select name, status, experiment_id, created_at,
            (select max(version) from oddish.task_versions v where v.task_id = t.id) as "version!"
        from oddish.tasks t where id = $1 for no key update"#,
        sweep.task_id
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?
    .ok_or(SweepRefused::TaskNotFound)?;
    if task.experiment_id.is_some() {
        return Err(SweepRefused::AlreadySubmitted);
    }
    let experiment = experiments::find_or_create(&mut transaction, sweep.experiment, now).await?;
    let keys: BTreeSet<&str> = sweep.trials.iter().map(|trial| trial.queue_key.as_str()).collect();
    let keys: Vec<String> = keys.into_iter().map(String::from).collect();
    queue_keys::ensure(&mut transaction, &keys, limits, now).await?;
    let tags = serde_json::to_value(&sweep.tags).unwrap_or(Value::Null);
    let task_name = sweep.name.unwrap_or(&task.name);
    sqlx::query!(
        "update oddish.tasks set name = $2, experiment_id = $3, submitted_by = $4, priority = $5, tags = $6, updated_at = $7
        where id = $1",
        sweep.task_id,
        task_name,
        experiment.id,
        sweep.submitted_by,
        sweep.priority.as_str(),
        tags,
        now
    )
    .execute(&mut *transaction)
    .await
    .map_err(DbError::while_doing(doing))?;
    insert_trials(&mut transaction, sweep, task.version, &experiment.id, now).await?;
    transaction.commit().await.map_err(DbError::while_doing(doing))?;
    Ok(CreatedSweep {
        task_name: task_name.to_owned(),
        status: parse("tasks.status", &task.status)?,
        experiment,
        created_at: task.created_at,
    })
}

async fn insert_trials(
    transaction: &mut sqlx::PgTransaction<'_>,
    sweep: &NewSweep<'_>,
    version: i32,
    experiment_id: &str,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let trials = sweep.trials;
    let ids: Vec<String> = trials.iter().map(|trial| id::trial_id(sweep.task_id, trial.index)).collect();
    let indices: Vec<i32> = trials.iter().map(|trial| i32::try_from(trial.index).unwrap_or(i32::MAX)).collect();
    let agents: Vec<&str> = trials.iter().map(|trial| trial.agent.as_str()).collect();
    let models: Vec<Option<&str>> = trials.iter().map(|trial| trial.model.as_deref()).collect();
    let providers: Vec<&str> = trials.iter().map(|trial| trial.provider).collect();
    let keys: Vec<&str> = trials.iter().map(|trial| trial.queue_key.as_str()).collect();
    let environments: Vec<&str> = trials.iter().map(|trial| trial.environment.as_str()).collect();
    let timeouts: Vec<Option<f64>> = trials.iter().map(|trial| trial.agent_timeout_sec).collect();
    let harbor: Vec<Value> =
        trials.iter().map(|trial| serde_json::to_value(&trial.harbor).unwrap_or(Value::Null)).collect();
    let priority: i16 = match sweep.priority {
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
        insert into oddish.jobs (trial_id, queue_key, priority, available_at)
        select id, queue_key, $15, $5 from created order by trial_index",
        sweep.task_id,
        version,
        experiment_id,
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
    .execute(&mut **transaction)
    .await
    .map(|_| ())
    .map_err(DbError::while_doing("insert the trials of a sweep"))
}

//! Tasks as the endpoints read them.

use oddish_domain::status::{Priority, TaskStatus, TrialStatus};
use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::DbError;
use crate::error::parse;
use crate::statements::On;

/// A task with its counts.
#[derive(Clone, Debug)]
pub struct Task {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Stage.
    pub status: TaskStatus,
    /// Priority.
    pub priority: Priority,
    /// Who submitted it.
    pub submitted_by: String,
    /// Free labels.
    pub tags: Value,
    /// Experiment.
    pub experiment_id: String,
    /// Its name.
    pub experiment_name: String,
    /// Whether it is shared.
    pub experiment_is_public: bool,
    /// Newest version.
    pub current_version: i32,
    /// Trials in all.
    pub total: i64,
    /// Those that succeeded.
    pub succeeded: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those with a reward of exactly 1.
    pub reward_success: i64,
    /// Those with a reward.
    pub reward_total: i64,
    /// Sum of the rewards.
    pub reward_sum: f64,
    /// Whether its trials are analysed and it is judged.
    pub judged: bool,
    /// How far its verdict has come.
    pub verdict_status: Option<TrialStatus>,
    /// The verdict.
    pub verdict: Option<Value>,
    /// Why there is none.
    pub verdict_error: Option<String>,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When its first trial began.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only this one.
    pub task_id: Option<String>,
    /// Only those in this stage.
    pub status: Option<TaskStatus>,
    /// Only those of this submitter.
    pub submitted_by: Option<String>,
    /// Only those of this experiment (id), or with a trial in it.
    pub experiment_id: Option<String>,
}

/// Lists submitted tasks, newest first. A task that was only uploaded is not listed.
pub async fn list(pool: &PgPool, filter: &TaskFilter, limit: i64, offset: i64) -> Result<Vec<Task>, DbError> {
    let rows = sqlx::query!(
        r#"select t.id, t.name, t.status, t.priority, t.submitted_by as "submitted_by!", t.tags, e.id as experiment_id,
            e.name as experiment_name, e.is_public, v.version as "version!", c.total as "total!", c.succeeded as "succeeded!",
            c.failed as "failed!", c.reward_success as "reward_success!", c.reward_total as "reward_total!",
            c.reward_sum as "reward_sum!", t.created_at, t.started_at, t.finished_at,
            t.analysis_key is not null as "judged!", t.verdict_status, t.verdict, t.verdict_error
        from (
            select * from oddish.tasks
            where experiment_id is not null and ($1::text is null or id = $1) and ($2::text is null or status = $2)
                and ($3::text is null or submitted_by = $3)
                and ($4::text is null or experiment_id = $4
                    or id in (select task_id from oddish.trials where experiment_id = $4))
            order by created_at desc, id limit $5 offset $6) t
        join oddish.experiments e on e.id = t.experiment_id
        cross join lateral (select max(version) as version from oddish.task_versions where task_id = t.id) v
        cross join lateral (
            select count(*) as total, count(*) filter (where status = 'success') as succeeded,
                count(*) filter (where status = 'failed') as failed, count(*) filter (where reward = 1) as reward_success,
                count(reward) as reward_total, coalesce(sum(reward), 0) as reward_sum
            from oddish.trials where task_id = t.id) c
        order by t.created_at desc, t.id"#,
        filter.task_id,
        filter.status.map(TaskStatus::as_str),
        filter.submitted_by,
        filter.experiment_id,
        limit,
        offset
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("list tasks"))?;
    rows.into_iter()
        .map(|row| {
            Ok(Task {
                status: parse("tasks.status", &row.status)?,
                priority: parse("tasks.priority", &row.priority)?,
                id: row.id,
                name: row.name,
                submitted_by: row.submitted_by,
                tags: row.tags,
                experiment_id: row.experiment_id,
                experiment_name: row.experiment_name,
                experiment_is_public: row.is_public,
                current_version: row.version,
                total: row.total,
                succeeded: row.succeeded,
                failed: row.failed,
                reward_success: row.reward_success,
                reward_total: row.reward_total,
                reward_sum: row.reward_sum,
                judged: row.judged,
                verdict_status: row.verdict_status.map(|status| parse("tasks.verdict_status", &status)).transpose()?,
                verdict: row.verdict,
                verdict_error: row.verdict_error,
                created_at: row.created_at,
                started_at: row.started_at,
                finished_at: row.finished_at,
            })
        })
        .collect()
}

/// One task, if it exists and has been submitted.
pub async fn get(pool: &PgPool, task_id: &str) -> Result<Option<Task>, DbError> {
    let filter = TaskFilter { task_id: Some(task_id.to_owned()), ..TaskFilter::default() };
    Ok(list(pool, &filter, 1, 0).await?.pop())
}

/// Those of these tasks that exist and have been submitted.
pub async fn existing(pool: &PgPool, task_ids: &[String]) -> Result<Vec<String>, DbError> {
    sqlx::query_scalar!("select id from oddish.tasks where id = any($1) and experiment_id is not null", task_ids)
        .fetch_all(On(pool))
        .await
        .map_err(DbError::while_doing("look which tasks exist"))
}

/// The tasks of an experiment that have no trial in another one.
pub async fn only_in_experiment(pool: &PgPool, experiment_id: &str) -> Result<Vec<String>, DbError> {
    sqlx::query_scalar!(
        "select k.id from oddish.tasks k where k.experiment_id = $1
            and not exists (select from oddish.trials t where t.task_id = k.id and t.experiment_id <> $1)
        order by k.id",
        experiment_id
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("look for the tasks of an experiment"))
}

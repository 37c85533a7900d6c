//! Trials as the endpoints read them.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::{TrialOrigin, TrialStatus};
use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::DbError;
use crate::error::parse;
use crate::statements::On;

/// A trial.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "the columns are described in the migrations and, as fields on the wire, in oddish-api-types"
)]
pub struct Trial {
    pub id: String,
    pub task_id: String,
    pub task_name: String,
    pub task_version: i32,
    pub trial_index: i32,
    pub experiment_id: String,
    pub agent: String,
    pub model: Option<String>,
    pub provider: String,
    pub queue_key: String,
    pub origin: TrialOrigin,
    pub status: TrialStatus,
    pub attempts: i32,
    pub max_attempts: i32,
    pub harbor_stage: Option<String>,
    pub artifact_prefix: Option<String>,
    pub reward: Option<f64>,
    pub rewards: Option<Value>,
    pub error_type: Option<String>,
    pub error_message: Option<String>,
    pub error_class: Option<FailureClass>,
    pub cancel_requested_at: Option<OffsetDateTime>,
    pub input_tokens: Option<i64>,
    pub cache_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub phase_timing: Option<Value>,
    pub has_trajectory: bool,
    pub analysis_status: Option<TrialStatus>,
    pub analysis: Option<Value>,
    pub analysis_error: Option<String>,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub finished_at: Option<OffsetDateTime>,
}

/// The trials of these tasks, by task and index.
pub async fn list_of_tasks(pool: &PgPool, task_ids: &[String]) -> Result<Vec<Trial>, DbError> {
    select(pool, Some(task_ids), None).await
}

/// One trial.
pub async fn get(pool: &PgPool, trial_id: &str) -> Result<Option<Trial>, DbError> {
    Ok(select(pool, None, Some(trial_id)).await?.pop())
}

async fn select(pool: &PgPool, task_ids: Option<&[String]>, trial_id: Option<&str>) -> Result<Vec<Trial>, DbError> {
    // Two arms, so that each uses its own index.
    let rows = sqlx::query!(
        r#"select t.*, k.name as task_name from oddish.trials t join oddish.tasks k on k.id = t.task_id
        where t.id in (
            select id from oddish.trials where task_id = any($1) union all select $2::text where $2 is not null)
        order by t.task_id, t.trial_index"#,
        task_ids,
        trial_id
    )
    .fetch_all(On(pool))
    .await
    .map_err(DbError::while_doing("read trials"))?;
    rows.into_iter()
        .map(|row| {
            Ok(Trial {
                status: parse("trials.status", &row.status)?,
                origin: parse("trials.origin", &row.origin)?,
                id: row.id,
                task_id: row.task_id,
                task_name: row.task_name,
                task_version: row.task_version,
                trial_index: row.trial_index,
                experiment_id: row.experiment_id,
                agent: row.agent,
                model: row.model,
                provider: row.provider,
                queue_key: row.queue_key,
                attempts: row.attempts,
                max_attempts: row.max_attempts,
                harbor_stage: row.harbor_stage,
                artifact_prefix: row.artifact_prefix,
                reward: row.reward,
                rewards: row.rewards,
                error_type: row.error_type,
                error_message: row.error_message,
                error_class: row.error_class.map(|class| parse("trials.error_class", &class)).transpose()?,
                cancel_requested_at: row.cancel_requested_at,
                input_tokens: row.input_tokens,
                cache_tokens: row.cache_tokens,
                output_tokens: row.output_tokens,
                cost_usd: row.cost_usd,
                phase_timing: row.phase_timing,
                has_trajectory: row.has_trajectory,
                analysis_status: row
                    .analysis_status
                    .map(|status| parse("trials.analysis_status", &status))
                    .transpose()?,
                analysis: row.analysis,
                analysis_error: row.analysis_error,
                created_at: row.created_at,
                started_at: row.started_at,
                finished_at: row.finished_at,
            })
        })
        .collect()
}

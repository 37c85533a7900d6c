//! The trials of experiments, counted by what their results and comparisons are made of.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::TrialStatus;
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::Doing;
use crate::word::Word;
use crate::{Db, DbError};

/// Trials of one experiment that are alike in all that a result depends on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AlikeTrials {
    /// Their experiment.
    pub experiment_id: String,
    /// Their agent.
    pub agent: String,
    /// Their model.
    pub model: Option<String>,
    /// Name of their task.
    pub task: String,
    /// Their status.
    #[sqlx(try_from = "Word<TrialStatus>")]
    pub status: TrialStatus,
    /// Their scalar reward.
    pub reward: Option<f64>,
    /// Whether they left a reward that does not count.
    pub unconfirmed: bool,
    /// Whether they ran without verification.
    pub verification_disabled: bool,
    /// Whether a user cancelled them.
    pub cancelled: bool,
    /// Class of their failure.
    #[sqlx(try_from = "Word<Option<FailureClass>>")]
    pub error_class: Option<FailureClass>,
    /// Content hash of the version of the task.
    pub content_hash: String,
    /// Time-outs that the submission set; null where the trials ran elsewhere.
    pub time_outs: Option<Json<Map<String, Value>>>,
    /// Resources that the submission set; null where the trials ran elsewhere.
    pub resources: Option<Json<Map<String, Value>>>,
    /// Environment that the submission set; null where the trials ran elsewhere.
    pub environment: Option<Json<Map<String, Value>>>,
    /// How many they are.
    pub trials: i64,
    /// How many attempts of theirs began.
    pub attempts: i64,
    /// What these attempts used.
    #[sqlx(flatten)]
    pub used: Used,
}

/// Sums over attempts, each with the number of attempts that say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct Used {
    /// Cost in US dollars.
    pub cost_usd: f64,
    /// Attempts that say it.
    pub cost_usd_known: i64,
    /// Tokens read.
    pub input_tokens: f64,
    /// Attempts that say it.
    pub input_tokens_known: i64,
    /// Tokens read from the provider's cache.
    pub cache_tokens: f64,
    /// Attempts that say it.
    pub cache_tokens_known: i64,
    /// Tokens written.
    pub output_tokens: f64,
    /// Attempts that say it.
    pub output_tokens_known: i64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Attempts that say it.
    pub seconds_known: i64,
}

/// One statement, so that all experiments are seen at one moment. Each attempt has times, cost and tokens of its own; a trial that ran elsewhere
/// has them itself. Arguments of the environment may hold secrets: a short hash of them, salted by the caller, tells whether two are the
/// same within one answer, and nobody can test guesses with it.
const ALIKE: &str = "
    with counted as (
        select t.experiment_id, t.agent, t.model, k.name as task, t.status, t.reward, t.unconfirmed_reward is not null as unconfirmed,
            coalesce(t.harbor -> 'disable_verification' = 'true', false) as verification_disabled,
            t.cancel_requested_at is not null as cancelled, t.error_class, v.content_hash,
            case when t.origin = 'oddish' then jsonb_strip_nulls(jsonb_build_object(
                'agent_sec', t.agent_timeout_sec, 'agent_max_sec', t.harbor -> 'agent_max_timeout_sec',
                'agent_setup_sec', t.harbor -> 'agent_setup_timeout_sec', 'verifier_sec', t.harbor -> 'verifier_timeout_sec',
                'verifier_max_sec', t.harbor -> 'verifier_max_timeout_sec', 'multipliers', t.harbor -> 'timeout_multipliers')) end as time_outs,
            case when t.origin = 'oddish' then jsonb_strip_nulls(jsonb_build_object(
                'cpus', t.harbor -> 'override_cpus', 'memory_mb', t.harbor -> 'override_memory_mb',
                'storage_mb', t.harbor -> 'override_storage_mb', 'gpus', t.harbor -> 'override_gpus')) end as resources,
            case when t.origin = 'oddish' then jsonb_strip_nulls(jsonb_build_object(
                'type', t.environment, 'docker_image', t.harbor -> 'docker_image',
                'kwargs_hash', left(md5($2 || (t.harbor -> 'environment_kwargs')::text), 8))) end as environment,
            u.*
        from oddish.trials t
        join oddish.tasks k on k.id = t.task_id
        join oddish.task_versions v on v.task_id = t.task_id and v.version = t.task_version
        cross join lateral (
            select count(*) as attempts, sum(cost_usd) as cost_usd, count(cost_usd) as cost_usd_known, sum(input_tokens) as input_tokens,
                count(input_tokens) as input_tokens_known, sum(cache_tokens) as cache_tokens, count(cache_tokens) as cache_tokens_known,
                sum(output_tokens) as output_tokens, count(output_tokens) as output_tokens_known, sum(seconds) as seconds,
                count(seconds) as seconds_known
            from (
                select case when cost_usd between -1e100 and 1e100 then cost_usd end as cost_usd, input_tokens, cache_tokens, output_tokens,
                    extract(epoch from ended_at - begun_at) as seconds
                from oddish.attempts where trial_id = t.id and kind = 'trial' and begun_at is not null
                union all
                select case when t.cost_usd between -1e100 and 1e100 then t.cost_usd end, t.input_tokens, t.cache_tokens, t.output_tokens,
                    extract(epoch from t.finished_at - t.started_at)
                where t.origin = 'imported') each_attempt) u
        where t.experiment_id = any($1))
    select experiment_id, agent, model, task, status, reward, unconfirmed, verification_disabled, cancelled, error_class, content_hash,
        time_outs, resources, environment, count(*) as trials, sum(attempts)::bigint as attempts,
        coalesce(sum(cost_usd), 0)::float8 as cost_usd, sum(cost_usd_known)::bigint as cost_usd_known,
        coalesce(sum(input_tokens), 0)::float8 as input_tokens, sum(input_tokens_known)::bigint as input_tokens_known,
        coalesce(sum(cache_tokens), 0)::float8 as cache_tokens, sum(cache_tokens_known)::bigint as cache_tokens_known,
        coalesce(sum(output_tokens), 0)::float8 as output_tokens, sum(output_tokens_known)::bigint as output_tokens_known,
        coalesce(sum(seconds), 0)::float8 as seconds, sum(seconds_known)::bigint as seconds_known
    from counted
    group by experiment_id, agent, model, task, status, reward, unconfirmed, verification_disabled, cancelled, error_class, content_hash,
        time_outs, resources, environment
    order by experiment_id, agent, model, task, reward";

/// The trials of experiments, those that are alike as one row.
pub async fn alike(db: &Db, experiment_ids: &[String]) -> Result<Vec<AlikeTrials>, DbError> {
    let salt = Uuid::new_v4().simple().to_string();
    sqlx::query_as(ALIKE).bind(experiment_ids).bind(salt).fetch_all(db).await.doing("count the outcomes of trials")
}

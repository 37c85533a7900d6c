//! From rows to what clients read (docs/compatibility.md, 1.3).

use std::collections::HashMap;

use oddish_api_types::{TaskStatusResponse, TaskVersionResponse, TrialResponse, TrialStatus};
use oddish_db::task_versions::TaskVersion;
use oddish_db::tasks::Task;
use oddish_db::trials::Trial;
use oddish_db::waiting::{self, Waiting};
use oddish_db::{Db, DbError};
use oddish_domain::id;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use super::present_waiting::{queue_info, waiting_reason};

/// The trials as clients read them; of those that wait, why.
pub async fn present_trials(db: &Db, trials: Vec<Trial>, now: OffsetDateTime) -> Result<Vec<TrialResponse>, DbError> {
    let waits = |trial: &&Trial| matches!(trial.status, TrialStatus::Queued | TrialStatus::Retrying);
    let ids: Vec<String> = trials.iter().filter(waits).map(|trial| trial.id.clone()).collect();
    let mut explained = if ids.is_empty() { HashMap::new() } else { waiting::explain(db, &ids, now).await? };
    Ok(trials
        .into_iter()
        .map(|trial| {
            let waiting = explained.remove(&trial.id);
            present_trial(trial, waiting.as_ref().map(|waiting| (waiting, now)))
        })
        .collect())
}

/// The trials as whoever has the token of their experiment reads them: who else waits in which queue is not theirs to know.
pub fn present_trials_to_guests(trials: Vec<Trial>) -> Vec<TrialResponse> {
    trials.into_iter().map(|trial| present_trial(trial, None)).collect()
}

fn present_trial(trial: Trial, waiting: Option<(&Waiting, OffsetDateTime)>) -> TrialResponse {
    TrialResponse {
        queue_info: waiting.map(|(waiting, _)| queue_info(waiting)),
        waiting_reason: waiting.map(|(waiting, now)| waiting_reason(waiting, now)),
        name: format!("{}-{}", trial.task_name, trial.trial_index),
        task_path: task_path(&trial.task_id, trial.task_version),
        task_version_id: Some(version_id(&trial.task_id, trial.task_version)),
        task_version: Some(trial.task_version),
        id: trial.id,
        task_id: trial.task_id,
        experiment_id: Some(trial.experiment_id),
        origin: trial.origin,
        agent: trial.agent,
        provider: trial.provider,
        queue_key: trial.queue_key,
        model: trial.model,
        status: trial.status,
        attempts: trial.attempts,
        max_attempts: trial.max_attempts,
        harbor_stage: trial.harbor_stage,
        reward: trial.reward,
        rewards: read(trial.rewards),
        unconfirmed_reward: trial.unconfirmed_reward,
        error_message: trial.error_message,
        error_type: trial.error_type,
        error_class: trial.error_class,
        cancel_requested_at: trial.cancel_requested_at,
        result: None,
        input_tokens: trial.input_tokens,
        cache_tokens: trial.cache_tokens,
        output_tokens: trial.output_tokens,
        cost_usd: trial.cost_usd,
        phase_timing: read(trial.phase_timing),
        has_trajectory: trial.has_trajectory,
        omitted_files: read(trial.omitted_files),
        files_incomplete: trial.files_incomplete,
        analysis_status: trial.analysis_status,
        analysis: trial.analysis,
        analysis_error: trial.analysis_error,
        created_at: trial.created_at,
        started_at: trial.started_at,
        finished_at: trial.finished_at,
    }
}

/// The task as clients read it, with its trials if they were asked for.
pub fn present_task(task: Task, trials: Option<Vec<TrialResponse>>) -> TaskStatusResponse {
    let tally = task.tally;
    let rewarded = tally.rewarded > 0;
    let label = |key: &str| task.tags.get(key).and_then(Value::as_str);
    TaskStatusResponse {
        progress: format!("{}/{} completed", tally.succeeded, tally.total),
        github_username: label("github_username").map(String::from),
        github_meta: label("github_meta").and_then(github_meta),
        task_path: task_path(&task.id, task.current_version),
        current_version_id: Some(version_id(&task.id, task.current_version)),
        current_version: Some(task.current_version),
        id: task.id,
        name: task.name,
        status: task.status,
        priority: task.priority,
        user: task.submitted_by,
        experiment_id: task.experiment_id,
        experiment_name: task.experiment_name,
        experiment_is_public: task.experiment_is_public,
        total: tally.total,
        completed: tally.succeeded,
        failed: tally.failed,
        reward_success: rewarded.then_some(tally.reward_ones),
        reward_total: rewarded.then_some(tally.rewarded),
        reward_sum: rewarded.then_some(tally.reward_sum),
        reward_unconfirmed: tally.unconfirmed,
        run_analysis: task.judged,
        verdict_status: task.verdict_status,
        verdict: task.verdict,
        verdict_error: task.verdict_error,
        trials,
        created_at: task.created_at,
        started_at: task.started_at,
        finished_at: task.finished_at,
    }
}

/// A version of a task as clients read it.
pub fn present_version(version: TaskVersion) -> TaskVersionResponse {
    let TaskVersion { task_id, version, archive_key, content_hash, message, created_at } = version;
    TaskVersionResponse {
        id: version_id(&task_id, version),
        task_path: task_path(&task_id, version),
        task_s3_key: archive_key.rsplit_once('/').map(|(folder, _)| format!("{folder}/")),
        task_id,
        version,
        content_hash: Some(content_hash),
        message,
        created_by_user_id: None,
        created_at,
    }
}

/// A trial without what lists rarely show (the compact form: docs/compatibility.md, 1.3).
pub fn compact(trial: TrialResponse) -> TrialResponse {
    let analysis = trial.analysis.as_ref().and_then(Value::as_object);
    let kept =
        analysis.into_iter().flatten().filter(|(key, _)| matches!(&***key, "classification" | "subtype" | "evidence"));
    let kept = Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect());
    TrialResponse {
        analysis: Some(kept),
        result: None,
        input_tokens: None,
        cache_tokens: None,
        output_tokens: None,
        cost_usd: None,
        analysis_error: None,
        ..trial
    }
}

/// The form that older clients know; nothing reads it back.
fn task_path(task_id: &str, version: i32) -> String {
    format!("s3://tasks/{task_id}/v{version}/")
}

fn version_id(task_id: &str, version: i32) -> String {
    id::version_id(task_id, version.unsigned_abs())
}

/// A JSON object as text, with every value made a string.
pub fn github_meta(text: &str) -> Option<std::collections::BTreeMap<String, String>> {
    let meta: std::collections::BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
    Some(
        meta.into_iter()
            .map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), String::from)))
            .collect(),
    )
}

fn read<T: DeserializeOwned>(value: Option<Value>) -> Option<T> {
    value.and_then(|value| serde_json::from_value(value).ok())
}

//! Trials on the wire (docs/compatibility.md, 1.3).

use std::collections::BTreeMap;

use oddish_domain::failure::FailureClass;
use oddish_domain::omitted_files::OmittedFiles;
use oddish_domain::status::{TrialOrigin, TrialStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{QueueInfo, WaitingReason};

/// Times of one phase of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "started_at": "2026-04-09T10:00:05+00:00", "finished_at": "2026-04-09T10:06:41+00:00", "duration_sec": 396.0
}))))]
pub struct PhaseTiming {
    /// Start, RFC 3339.
    pub started_at: String,
    /// End, RFC 3339.
    pub finished_at: String,
    /// Seconds, two decimals.
    pub duration_sec: f64,
}

/// One trial: one run of one agent on one task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "id": "my-task-1a2b3c4d-0", "name": "my-task-0", "task_id": "my-task-1a2b3c4d",
    "task_path": "s3://tasks/my-task-1a2b3c4d/v1/", "task_version": 1, "task_version_id": "my-task-1a2b3c4d-v1",
    "experiment_id": "9f8e7d6c", "agent": "claude-code", "provider": "claude",
    "queue_key": "anthropic/claude-sonnet-4-5", "origin": "oddish", "model": "claude-sonnet-4-5", "status": "success", "attempts": 1,
    "max_attempts": 6, "harbor_stage": "completed", "reward": 1.0, "rewards": {"reward": 1.0}, "unconfirmed_reward": null,
    "error_message": null, "error_type": null, "error_class": null, "cancel_requested_at": null, "result": null, "input_tokens": 120_034,
    "cache_tokens": 100_200, "output_tokens": 4021, "cost_usd": 0.41,
    "phase_timing": {"agent_execution": {"started_at": "2026-04-09T10:00:05+00:00",
    "finished_at": "2026-04-09T10:06:41+00:00", "duration_sec": 396.0}}, "has_trajectory": true,
    "omitted_files": null, "files_incomplete": false, "analysis_status": null, "analysis": null, "analysis_error": null, "queue_info": null, "waiting_reason": null,
    "created_at": "2026-04-09T09:58:00Z", "started_at": "2026-04-09T09:59:10Z", "finished_at": "2026-04-09T10:07:02Z"
}))))]
pub struct TrialResponse {
    /// `{task_id}-{index}`.
    pub id: String,
    /// `{task name}-{index}`.
    pub name: String,
    /// The task.
    pub task_id: String,
    /// The task's place in the store.
    pub task_path: String,
    /// Version of the task that this trial runs.
    pub task_version: Option<i32>,
    /// `{task_id}-v{task_version}`.
    pub task_version_id: Option<String>,
    /// The experiment that this trial belongs to.
    pub experiment_id: Option<String>,
    /// Whether it ran here, or elsewhere and was imported.
    #[serde(default = "here")]
    pub origin: TrialOrigin,
    /// The agent.
    pub agent: String,
    /// Provider bucket: `claude`, `gemini`, `openai` or `default`.
    pub provider: String,
    /// The key whose limit this trial runs under.
    pub queue_key: String,
    /// The model as it was given, and as the agent is told.
    pub model: Option<String>,
    /// Its status.
    pub status: TrialStatus,
    /// Attempts begun so far.
    pub attempts: i32,
    /// Most attempts.
    pub max_attempts: i32,
    /// Harbor's stage: `starting`, `environment_setup`, `agent_running`, `verification`, `completed`, ...
    pub harbor_stage: Option<String>,
    /// The scalar reward. Null when there is none: a missing reward is not a 0.
    pub reward: Option<f64>,
    /// Every reward that the verifier gave, by name.
    pub rewards: Option<BTreeMap<String, f64>>,
    /// The verifier's reward of a trial that failed with an exception that makes rewards void: the verifier may have judged incomplete
    /// work. No sum includes it.
    #[serde(default)]
    pub unconfirmed_reward: Option<f64>,
    /// The error, if there was one; a trial with a reward may have one too.
    pub error_message: Option<String>,
    /// Type of Harbor's exception, when there was one.
    pub error_type: Option<String>,
    /// Class of the error: who or what is to blame.
    #[serde(default)]
    pub error_class: Option<FailureClass>,
    /// When it was cancelled. A running trial stops within seconds.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub cancel_requested_at: Option<OffsetDateTime>,
    /// Always null; kept for older clients. Harbor's result is at `/trials/{id}/result`.
    pub result: Option<Value>,
    /// Tokens read, cached ones included.
    pub input_tokens: Option<i64>,
    /// Tokens read from the provider's cache.
    pub cache_tokens: Option<i64>,
    /// Tokens written.
    pub output_tokens: Option<i64>,
    /// Cost in US dollars, as the agent reports it.
    pub cost_usd: Option<f64>,
    /// Times of each phase.
    pub phase_timing: Option<BTreeMap<String, PhaseTiming>>,
    /// Whether the agent left a trajectory.
    pub has_trajectory: bool,
    /// Counts of files that the trial left and the store does not keep, such as files whose names are not text; null when all are kept. `omitted.json`
    /// among the trial's files lists them.
    #[serde(default)]
    pub omitted_files: Option<OmittedFiles>,
    /// Whether files are missing that should be kept: a cancellation or the runner's end stopped the upload, or the store failed. Result
    /// and rewards are complete.
    #[serde(default)]
    pub files_incomplete: bool,
    /// State of the trial's analysis.
    pub analysis_status: Option<TrialStatus>,
    /// The analysis.
    pub analysis: Option<Value>,
    /// Reason for a missing analysis.
    pub analysis_error: Option<String>,
    /// Its place in the queue, while it waits.
    #[serde(default)]
    pub queue_info: Option<QueueInfo>,
    /// Reason why it has not begun, while it waits.
    #[serde(default)]
    pub waiting_reason: Option<WaitingReason>,
    /// When it was submitted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its newest attempt began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it reached its end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// Servers from before imports say nothing.
fn here() -> TrialOrigin {
    TrialOrigin::Oddish
}

/// `GET /trials`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"items": [], "next_cursor": null, "limit": 100, "total": null,
    "changes": {"next": "10423.10425.10424", "complete": true}}))))]
pub struct ListTrialsResponse {
    /// The trials of this page.
    pub items: Vec<TrialResponse>,
    /// `cursor` of the next page, if there is one.
    pub next_cursor: Option<String>,
    /// Most trials of a page.
    pub limit: i64,
    /// Number of matching trials, if `total` was requested.
    pub total: Option<i64>,
    /// Only with `changed_after`: where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<TrialChanges>,
}

/// Where a client is among the changes of an experiment's trials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"next": "10423.10425.10424", "complete": true}))))]
pub struct TrialChanges {
    /// `changed_after` of the next request.
    pub next: String,
    /// Whether this was all that had changed. If not, there is more at once.
    pub complete: bool,
}

/// Which trials to list.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct ListTrialsQuery {
    /// Only trials in this state.
    pub status: Option<TrialStatus>,
    /// Only trials of tasks that this user submitted.
    pub user: Option<String>,
    /// Only trials of this task.
    pub task_id: Option<String>,
    /// Only trials of this experiment, by id.
    pub experiment_id: Option<String>,
    /// Only trials that changed since an earlier answer, in the order of the changes: `0` at first, then the `changes.next` of the answer before.
    /// It goes with `experiment_id`, `limit` and `total`. A trial may come again without a change. One that was deleted does not come: a client
    /// that knows more trials than `total` begins again with `0`. `queue_info` and `waiting_reason` change without the trial.
    pub changed_after: Option<String>,
    /// Only trials of this agent.
    pub agent: Option<String>,
    /// Only trials of this model, in any spelling.
    pub model: Option<String>,
    /// Only trials under the limit of this queue key.
    pub queue_key: Option<String>,
    /// Only trials that ended with an error of this class.
    pub error_class: Option<FailureClass>,
    /// `created_at`; or, within a task or an experiment, `finished_at`, `duration`, `reward` or `cost_usd`. A `-` before it puts the highest
    /// first; those that have none come last then.
    #[cfg_attr(
        feature = "openapi",
        param(example = "-created_at", pattern = "^-?(created_at|finished_at|duration|reward|cost_usd)$")
    )]
    pub sort: Option<String>,
    /// Trials at the most.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: i64,
    /// Trials to skip.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1_000_000))]
    pub offset: Option<i64>,
    /// Where to go on: the `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Whether to count all trials that fit.
    pub total: bool,
}

impl Default for ListTrialsQuery {
    fn default() -> Self {
        Self {
            status: None,
            user: None,
            task_id: None,
            experiment_id: None,
            changed_after: None,
            agent: None,
            model: None,
            queue_key: None,
            error_class: None,
            sort: None,
            limit: 100,
            offset: None,
            cursor: None,
            total: false,
        }
    }
}

//! Trials as clients see them (contract 1.3).

use std::collections::BTreeMap;

use oddish_domain::failure::FailureClass;
use oddish_domain::status::{TrialOrigin, TrialStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{QueueInfo, WaitingReason};

/// How long one phase of a trial took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrialResponse {
    /// `{task_id}-{index}`.
    pub id: String,
    /// `{task name}-{index}`.
    pub name: String,
    /// The task.
    pub task_id: String,
    /// Where the task is stored.
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
    /// The model, normalised.
    pub model: Option<String>,
    /// Where the trial stands.
    pub status: TrialStatus,
    /// Attempts begun so far.
    pub attempts: i32,
    /// Attempts at the most.
    pub max_attempts: i32,
    /// What Harbor does with it: `starting`, `environment_setup`, `agent_running`, `verification`, `completed`, ...
    pub harbor_stage: Option<String>,
    /// The scalar reward. Null when there is none: a missing reward is not a 0.
    pub reward: Option<f64>,
    /// Every reward that the verifier gave, by name.
    pub rewards: Option<BTreeMap<String, f64>>,
    /// Why there is no reward, or what went wrong besides.
    pub error_message: Option<String>,
    /// Type of Harbor's exception, when there was one.
    pub error_type: Option<String>,
    /// Who or what is to blame for the error.
    #[serde(default)]
    pub error_class: Option<FailureClass>,
    /// When somebody asked for its end. A trial that runs stops within seconds.
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
    /// How long each phase took.
    pub phase_timing: Option<BTreeMap<String, PhaseTiming>>,
    /// Whether the agent left a trajectory.
    pub has_trajectory: bool,
    /// State of the trial's analysis.
    pub analysis_status: Option<TrialStatus>,
    /// The analysis.
    pub analysis: Option<Value>,
    /// Why there is no analysis.
    pub analysis_error: Option<String>,
    /// Its place in the queue, while it waits.
    #[serde(default)]
    pub queue_info: Option<QueueInfo>,
    /// Why it has not begun, while it waits.
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

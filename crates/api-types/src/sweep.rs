//! `POST /tasks/sweep`.

use std::collections::BTreeMap;

use oddish_domain::status::{Priority, TaskStatus};
use oddish_domain::sweep::SweepConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::whole;

/// Most tags of one sweep.
pub const MAX_TAGS: usize = 100;

/// A sweep: which agents and models to run on an uploaded task, and how often.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "task_id": "my-task-1a2b3c4d", "version": 2, "user": "alice", "configs": [{"agent": "claude-code", "model": "claude-sonnet-4-5",
    "n_trials": 3}], "experiment_id": "swift-otter-x1y2", "priority": "low"
}))))]
pub struct SweepRequest {
    /// The task, from an upload.
    pub task_id: String,
    /// The version of the task that the trials run, from its upload; the newest when absent.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 2_147_483_647))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole::option")]
    pub version: Option<i32>,
    /// Whether the trials may be added to a task that has some already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub append_to_task: bool,
    /// Name for the task in place of the uploaded one: 1 to 255 characters on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The agent/model pairs; at least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 10000))]
    pub configs: Vec<SweepConfig>,
    /// Name of the submitter: 1 to 255 characters on one line.
    pub user: String,
    /// `high` goes before `low`.
    #[serde(default)]
    pub priority: Priority,
    /// Id or name of the experiment, of 1 to 255 characters on one line. An unknown name creates an experiment; without a name, one is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_id: Option<String>,
    /// Free labels: at most 100, with names of 1 to 255 characters and values of at most 4096, each on one line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The agents' time-out in minutes.
    #[cfg_attr(feature = "openapi", schema(exclusive_minimum = 0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<f64>,
    /// Harbor environment type for configs that name none; `docker` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Most attempts of a trial whose agent or tests fail, from 1 to 100; 6 when absent.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole::option")]
    pub max_attempts: Option<u32>,
    /// Whether to classify each trial and judge the task afterwards.
    #[serde(default)]
    pub run_analysis: bool,
    /// GitHub user on whose behalf the sweep runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github_username: Option<String>,
    /// Whether to share the experiment, so that anyone with its token can read it. When absent, it is shared if a
    /// `github_username` is given and the request has an API key. `false` does not end sharing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_experiment: Option<bool>,
    /// Nested Harbor settings: `environment`, `verifier`, `artifacts`, `docker_image`, `mcp_servers`, `agent_config`, and
    /// the factors of time-outs `timeout_multiplier`, `agent_timeout_multiplier`, `verifier_timeout_multiplier`,
    /// `agent_setup_timeout_multiplier`, `environment_build_timeout_multiplier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harbor: Option<Map<String, Value>>,
    /// Flat Harbor settings of older clients (`disable_verification`, `env_cpus`, ...).
    #[serde(flatten)]
    pub flat: Map<String, Value>,
}

/// The trials that a sweep created, and their task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "id": "my-task-1a2b3c4d", "name": "my-task", "status": "pending", "priority": "low", "version": 2, "first_trial_index": 0,
    "trials_count": 3, "providers": {"claude": 3}, "experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2",
    "created_at": "2026-04-09T09:58:00Z"
}))))]
pub struct TaskResponse {
    /// The task.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its stage.
    pub status: TaskStatus,
    /// Its priority.
    pub priority: Priority,
    /// The version of the task that the new trials run.
    pub version: i32,
    /// Index of the first trial that this sweep created. The others follow it, so that their ids are `{id}-{first_trial_index}` and
    /// the next `trials_count - 1`.
    pub first_trial_index: u32,
    /// How many trials this sweep created.
    pub trials_count: u32,
    /// Provider bucket to number of new trials.
    pub providers: BTreeMap<String, u32>,
    /// The experiment that the trials belong to.
    pub experiment_id: Option<String>,
    /// Its name.
    pub experiment_name: Option<String>,
    /// When the task was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

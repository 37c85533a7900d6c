//! Views for operators: slots, queues, stuck trials and tasks (docs/compatibility.md, 1.14).

use oddish_domain::status::{JobKind, TaskStatus, TrialStatus};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// `GET /admin/slots`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "queue_keys": [{"queue_key": "anthropic/claude-sonnet-4-5", "total_slots": 8, "active_slots": 1,
    "slots": [{"queue_key": "anthropic/claude-sonnet-4-5", "slot": 0, "locked_by": "my-task-1a2b3c4d-0",
    "kind": "trial", "locked_until": "2026-04-09T10:05:00Z", "is_active": true}]}], "total_slots": 8, "total_active": 1,
    "truncated": true, "timestamp": "2026-04-09T10:00:00Z"
}))))]
pub struct SlotsResponse {
    /// The keys by name.
    pub queue_keys: Vec<KeySlots>,
    /// Slots of all keys.
    pub total_slots: u64,
    /// Those of them that are held.
    pub total_active: u64,
    /// Whether the list is cut. Held slots come first.
    pub truncated: bool,
    /// When this was read.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
}

/// The slots of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "queue_key": "anthropic/claude-sonnet-4-5", "total_slots": 8, "active_slots": 0, "slots": []
}))))]
pub struct KeySlots {
    /// The key.
    pub queue_key: String,
    /// Its slots, including surplus ones that are removed when they become free.
    pub total_slots: u64,
    /// Held slots.
    pub active_slots: u64,
    /// The slots by number.
    pub slots: Vec<Slot>,
}

/// One slot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "queue_key": "anthropic/claude-sonnet-4-5", "slot": 0, "locked_by": "my-task-1a2b3c4d-0", "kind": "trial",
    "locked_until": "2026-04-09T10:05:00Z", "is_active": true
}))))]
pub struct Slot {
    /// The key.
    pub queue_key: String,
    /// Its number.
    pub slot: i32,
    /// The trial or task whose job holds it.
    pub locked_by: Option<String>,
    /// Kind of that job.
    pub kind: Option<JobKind>,
    /// Deadline of the job's runner to begin, or to renew its lease. A slot has no lease of its own: the end of its
    /// job frees it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub locked_until: Option<OffsetDateTime>,
    /// Whether it is held.
    pub is_active: bool,
}

/// `GET /admin/queue-status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "trial_queues": [{"queue_key": "anthropic/claude-sonnet-4-5", "queued": 12, "running": 8}], "analysis_queued": 0,
    "analysis_running": 0, "verdict_queued": 0, "verdict_running": 0, "timestamp": "2026-04-09T10:00:00Z"
}))))]
pub struct QueueStatusResponse {
    /// The keys by name.
    pub trial_queues: Vec<TrialQueue>,
    /// Analyses that wait, of all keys.
    pub analysis_queued: u64,
    /// Analyses that are being made.
    pub analysis_running: u64,
    /// Verdicts that wait, of all keys.
    pub verdict_queued: u64,
    /// Verdicts that are being made.
    pub verdict_running: u64,
    /// When this was read.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
}

/// The trials of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "queue_key": "anthropic/claude-sonnet-4-5", "queued": 12, "running": 8
}))))]
pub struct TrialQueue {
    /// The key.
    pub queue_key: String,
    /// Waiting trials, including those that wait for their next attempt.
    pub queued: u64,
    /// Trials that hold a slot.
    pub running: u64,
}

/// `GET /admin/orphaned-state`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "counts": {"running_stale_heartbeat": 0, "active_tasks_without_active_trials": 0}, "trial_samples": [],
    "task_samples": [], "stale_after_minutes": 10, "timestamp": "2026-04-09T10:00:00Z"
}))))]
pub struct OrphanedStateResponse {
    /// Counts of both.
    pub counts: OrphanCounts,
    /// Up to 20 of the trials, the most silent first.
    pub trial_samples: Vec<OrphanedTrial>,
    /// Up to 20 of the tasks, the oldest first.
    pub task_samples: Vec<OrphanedTask>,
    /// Minutes of silence that count.
    pub stale_after_minutes: u32,
    /// When this was read.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
}

/// Counts of orphaned trials and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "running_stale_heartbeat": 1, "active_tasks_without_active_trials": 0
}))))]
pub struct OrphanCounts {
    /// Trials whose runner has been silent for so long.
    pub running_stale_heartbeat: u64,
    /// Tasks that have not ended although all their trials have.
    pub active_tasks_without_active_trials: u64,
}

/// A trial whose runner is silent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "trial_id": "my-task-1a2b3c4d-0", "task_id": "my-task-1a2b3c4d", "queue_key": "anthropic/claude-sonnet-4-5",
    "status": "running", "issue": "running_stale_heartbeat", "harbor_stage": "agent_running",
    "current_worker_id": "worker-1:4711", "current_queue_slot": 0, "claimed_at": "2026-04-09T09:58:00Z",
    "heartbeat_at": "2026-04-09T09:59:00Z", "updated_at": "2026-04-09T09:59:00Z"
}))))]
pub struct OrphanedTrial {
    /// The trial.
    pub trial_id: String,
    /// Its task.
    pub task_id: String,
    /// Its key.
    pub queue_key: String,
    /// Its status.
    pub status: TrialStatus,
    /// Always `running_stale_heartbeat`.
    pub issue: String,
    /// Harbor's last stage.
    pub harbor_stage: Option<String>,
    /// The runner's process: `host:pid`.
    pub current_worker_id: Option<String>,
    /// The slot that it holds.
    pub current_queue_slot: Option<i32>,
    /// When it was claimed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub claimed_at: Option<OffsetDateTime>,
    /// When its runner last renewed its lease.
    #[serde(with = "time::serde::rfc3339::option")]
    pub heartbeat_at: Option<OffsetDateTime>,
    /// When its row last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A task that should have ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "task_id": "my-task-1a2b3c4d", "status": "running", "run_analysis": false, "verdict_status": null,
    "issue": "active_task_without_active_trials", "updated_at": "2026-04-09T09:59:00Z"
}))))]
pub struct OrphanedTask {
    /// The task.
    pub task_id: String,
    /// Its stage.
    pub status: TaskStatus,
    /// Always false.
    pub run_analysis: bool,
    /// Always null.
    pub verdict_status: Option<TrialStatus>,
    /// Always `active_task_without_active_trials`.
    pub issue: String,
    /// When its row last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

//! `GET /admin/orphaned-state`.

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, OrphanCounts, OrphanedStateResponse, OrphanedTask, OrphanedTrial};
use oddish_db::stuck::{self, SilentTrial, UnfinishedTask};
use serde::Deserialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use utoipa::IntoParams;

use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Db;

/// Of each kind at the most.
const SAMPLES: i64 = 20;
/// A runner that is silent for longer than its lease and the time of suspicion is taken for dead anyway.
const STALE_AFTER_DEFAULT: u32 = 10;
const STALE_AFTER_HIGHEST: u32 = 240;

/// What counts as stale.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Staleness {
    /// Minutes after which a silent runner counts.
    #[param(minimum = 1, maximum = 240)]
    stale_after_minutes: u32,
}

impl Default for Staleness {
    fn default() -> Self {
        Self { stale_after_minutes: STALE_AFTER_DEFAULT }
    }
}

/// Trials whose runner is silent, and tasks that should have ended. The dispatcher mends the first by itself, and there should be none of
/// the second.
#[utoipa::path(get, path = "/admin/orphaned-state", operation_id = "get_orphaned_state", tag = "admin", params(Staleness),
    responses((status = 200, body = OrphanedStateResponse), (status = 422, body = ErrorBody)))]
pub async fn get_orphaned_state(
    _: Authed<Full>,
    State(db): State<Db>,
    Query(Staleness { stale_after_minutes }): Query<Staleness>,
) -> Result<Json<OrphanedStateResponse>, ApiError> {
    if !(1..=STALE_AFTER_HIGHEST).contains(&stale_after_minutes) {
        let loc = vec![json!("query"), json!("stale_after_minutes")];
        return Err(ApiError::value_error(loc, format!("stale_after_minutes must be from 1 to {STALE_AFTER_HIGHEST}")));
    }
    let now = OffsetDateTime::now_utc();
    let heard_before = now - Duration::minutes(stale_after_minutes.into());
    let (silent, trials) = stuck::silent_trials(&db, heard_before, SAMPLES).await?;
    let (unfinished, tasks) = stuck::unfinished_tasks(&db, SAMPLES).await?;
    Ok(Json(OrphanedStateResponse {
        counts: OrphanCounts {
            running_stale_heartbeat: silent.unsigned_abs(),
            active_tasks_without_active_trials: unfinished.unsigned_abs(),
        },
        trial_samples: trials.into_iter().map(present_trial).collect(),
        task_samples: tasks.into_iter().map(present_task).collect(),
        stale_after_minutes,
        timestamp: now,
    }))
}

fn present_trial(trial: SilentTrial) -> OrphanedTrial {
    OrphanedTrial {
        trial_id: trial.trial_id,
        task_id: trial.task_id,
        queue_key: trial.queue_key,
        status: trial.status,
        issue: "running_stale_heartbeat".to_owned(),
        harbor_stage: trial.harbor_stage,
        current_worker_id: trial.runner,
        current_queue_slot: trial.slot,
        claimed_at: trial.claimed_at,
        heartbeat_at: trial.heard_at,
        updated_at: trial.updated_at,
    }
}

fn present_task(task: UnfinishedTask) -> OrphanedTask {
    OrphanedTask {
        task_id: task.task_id,
        status: task.status,
        run_analysis: false,
        verdict_status: None,
        issue: "active_task_without_active_trials".to_owned(),
        updated_at: task.updated_at,
    }
}

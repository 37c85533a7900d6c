//! What operators look at when something seems stuck.

use std::collections::HashMap;

use oddish_api_types::{
    KeySlots, OrphanCounts, OrphanedStateResponse, OrphanedTask, OrphanedTrial, QueueStatusResponse, Slot,
    SlotsResponse, TrialQueue,
};
use oddish_db::Db;
use oddish_db::stuck::{self, JobCount, SilentTrial, SlotCount, UnfinishedTask};
use oddish_domain::status::JobKind;
use time::{Duration, OffsetDateTime};

use crate::Error;

/// Slots in one answer at the most.
const MAX_SLOTS: i64 = 10_000;
/// Orphans of each kind in one answer at the most.
const SAMPLES: i64 = 20;
/// Minutes of silence that may be asked for at the most.
const STALE_AFTER_HIGHEST: u32 = 240;

/// Tells how many trials of each queue key wait and run, and how many analyses and verdicts.
pub async fn queue_status(db: &Db, now: OffsetDateTime) -> Result<QueueStatusResponse, Error> {
    let counts = stuck::job_counts(db).await?;
    let sum = |kind: JobKind, number: fn(&JobCount) -> i64| {
        counts.iter().filter(|count| count.kind == kind).map(number).sum::<i64>().unsigned_abs()
    };
    let trial_queue = |count: &JobCount| TrialQueue {
        queue_key: count.queue_key.clone(),
        queued: count.queued.unsigned_abs(),
        running: count.running.unsigned_abs(),
    };
    Ok(QueueStatusResponse {
        trial_queues: counts.iter().filter(|count| count.kind == JobKind::Trial).map(trial_queue).collect(),
        analysis_queued: sum(JobKind::Analysis, |count| count.queued),
        analysis_running: sum(JobKind::Analysis, |count| count.running),
        verdict_queued: sum(JobKind::Verdict, |count| count.queued),
        verdict_running: sum(JobKind::Verdict, |count| count.running),
        timestamp: now,
    })
}

/// Lists the slots of every queue key, and what holds which.
pub async fn slots(db: &Db, now: OffsetDateTime) -> Result<SlotsResponse, Error> {
    let counts = stuck::slot_counts(db).await?;
    let mut of_key: HashMap<String, Vec<Slot>> = HashMap::new();
    for slot in stuck::slots(db, MAX_SLOTS).await? {
        of_key.entry(slot.queue_key.clone()).or_default().push(Slot {
            is_active: slot.subject.is_some(),
            queue_key: slot.queue_key,
            slot: slot.slot,
            locked_by: slot.subject,
            kind: slot.kind,
            locked_until: slot.locked_until,
        });
    }
    let listed: usize = of_key.values().map(Vec::len).sum();
    let sum = |number: fn(&SlotCount) -> i64| counts.iter().map(number).sum::<i64>().unsigned_abs();
    let (total_slots, total_active) = (sum(|count| count.total), sum(|count| count.held));
    let key_slots = |count: SlotCount| KeySlots {
        slots: of_key.remove(&count.queue_key).unwrap_or_default(),
        queue_key: count.queue_key,
        total_slots: count.total.unsigned_abs(),
        active_slots: count.held.unsigned_abs(),
    };
    Ok(SlotsResponse {
        queue_keys: counts.into_iter().map(key_slots).collect(),
        total_slots,
        total_active,
        truncated: total_slots > listed as u64,
        timestamp: now,
    })
}

/// Finds trials whose runner has been silent for so many minutes, and tasks that should have ended. The dispatcher mends the first by itself,
/// and there should be none of the second.
pub async fn orphaned_state(
    db: &Db,
    stale_after_minutes: u32,
    now: OffsetDateTime,
) -> Result<OrphanedStateResponse, Error> {
    if !(1..=STALE_AFTER_HIGHEST).contains(&stale_after_minutes) {
        let rule = format_args!("stale_after_minutes must be from 1 to {STALE_AFTER_HIGHEST}");
        return Err(Error::invalid("stale_after_minutes", rule));
    }
    let heard_before = now - Duration::minutes(stale_after_minutes.into());
    let (silent, trials) = stuck::silent_trials(db, heard_before, SAMPLES).await?;
    let (unfinished, tasks) = stuck::unfinished_tasks(db, SAMPLES).await?;
    Ok(OrphanedStateResponse {
        counts: OrphanCounts {
            running_stale_heartbeat: silent.unsigned_abs(),
            active_tasks_without_active_trials: unfinished.unsigned_abs(),
        },
        trial_samples: trials.into_iter().map(present_trial).collect(),
        task_samples: tasks.into_iter().map(present_task).collect(),
        stale_after_minutes,
        timestamp: now,
    })
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

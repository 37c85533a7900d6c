//! Users and operators who do whatever they like, until all is calm.

use std::sync::Arc;
use std::time::Duration;

use oddish_db::sweeps::SweepRefused;
use oddish_db::trial_selection::{self, Scope, Selection};
use oddish_db::{cancelling, queue_keys, retrying};
use oddish_test_support::scene::{Scene, trial_specs};

use super::{KEYS, Soak, dispatcher};

/// Jobs that are kept waiting or running. Few, so that what is done to one trial meets.
const BACKLOG: i64 = 120;

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

pub(super) async fn submit(soak: Arc<Soak>, mut random: fastrand::Rng) {
    let mut last_task: Option<String> = None;
    while !soak.is_calm() {
        if soak.scene.count("select count(*) from oddish.jobs").await > BACKLOG {
            pause(2).await;
            continue;
        }
        let scene = Scene::new(soak.db().clone()).submitter(["ann", "bob", "cleo"][random.usize(..3)]);
        let scene = if random.bool() { scene.high_priority() } else { scene };
        let (trials, key) = (random.u32(1..6), KEYS[random.usize(..KEYS.len())]);
        match last_task.take() {
            Some(task) if random.u8(..4) == 0 => match scene.append(&task, None, &trial_specs(trials, key)).await {
                Ok(_) => soak.ledger.count("appends", 1),
                Err(SweepRefused::BeingJudged) => {}
                Err(error) => soak.ledger.violation(format!("append: {error:?}")),
            },
            _ => {
                let (task, specs) = (scene.upload().await, trial_specs(trials, key));
                if random.bool() {
                    scene.judged_sweep(&task, &specs, (KEYS[0], KEYS[1])).await;
                } else {
                    scene.sweep(&task, None, &specs).await.unwrap();
                }
                last_task = Some(task);
                soak.ledger.count("sweeps", 1);
            }
        }
    }
}

/// Some trials that have ended, or some that have not.
async fn some_trials(soak: &Soak, ended: bool, most: i64) -> Vec<String> {
    let sql = "select id from oddish.trials where (status in ('success', 'failed')) = $1 order by random() limit $2";
    sqlx::query_scalar(sql).bind(ended).bind(most).fetch_all(soak.db()).await.unwrap()
}

pub(super) async fn cancel(soak: Arc<Soak>, mut random: fastrand::Rng) {
    while !soak.is_calm() {
        let mut trials = some_trials(&soak, false, random.i64(1..4)).await;
        let mut whole_tasks = Vec::new();
        if random.u8(..8) == 0 {
            whole_tasks = trials.iter().map(|trial| trial.rsplit_once('-').unwrap().0.to_owned()).collect();
            trials = trial_selection::ids(soak.db(), &Selection::all(Scope::Tasks(whole_tasks.clone()))).await.unwrap();
        }
        let cancelled = cancelling::cancel(soak.db(), &trials, &whole_tasks, soak.now()).await;
        if let Some(cancelled) = soak.ledger.heard("cancel", cancelled) {
            soak.ledger.count("cancels", cancelled.ended.len() + cancelled.stopping.len());
        }
        pause(random.u64(5..40)).await;
    }
}

pub(super) async fn retry(soak: Arc<Soak>, mut random: fastrand::Rng) {
    while !soak.is_calm() {
        let trials = some_trials(&soak, true, random.i64(1..6)).await;
        if let Some(requeued) = soak.ledger.heard("retry", retrying::retry(soak.db(), &trials, soak.now()).await) {
            soak.ledger.count("retries", requeued.queued.len());
        }
        pause(random.u64(10..50)).await;
    }
}

pub(super) async fn change_limits(soak: Arc<Soak>, mut random: fastrand::Rng) {
    while !soak.is_calm() {
        let (db, key, now) = (soak.db(), KEYS[random.usize(..KEYS.len())], soak.now());
        match random.u8(..10) {
            0 => {
                soak.ledger.heard("pause", queue_keys::pause(db, key, None, now).await);
            }
            1..=3 => {
                soak.ledger.heard("resume", queue_keys::resume(db, key, now).await);
            }
            _ => {
                soak.ledger.heard("set a limit", queue_keys::set_limit(db, key, random.u32(..17), now).await);
                soak.ledger.count("limit changes", 1);
            }
        }
        pause(random.u64(1..10)).await;
    }
}

/// In the middle of what they do.
pub(super) async fn break_connections(soak: Arc<Soak>) {
    let sql = "select count(*) filter (where pg_terminate_backend(pid)) from (
        select pid from pg_stat_activity
        where datname = current_database() and application_name = $1 and state <> 'idle' order by random() limit 1) one";
    while !soak.is_calm() {
        let broken: i64 = sqlx::query_scalar(sql).bind(dispatcher::NAME).fetch_one(soak.db()).await.unwrap();
        soak.ledger.count("connections broken", usize::try_from(broken).unwrap());
        pause(50).await;
    }
}

//! Whatever is killed, every trial ends, and nothing is left behind.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use serde_json::json;

use crate::stack::{Stack, containers, eventually, tasks};

#[tokio::test]
async fn a_killed_runner_leaves_nothing_and_its_trial_runs_again() {
    let mut stack = Stack::new().await;
    stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    assert_eq!(containers(&task_id).len(), 1);
    let runner = stack.runners().await[0];
    let first = containers(&task_id);
    kill(runner, Signal::SIGKILL).unwrap();

    // This bound is a promise to users, so it is checked; it is many times what it takes.
    let killed = Instant::now();
    eventually("the dead runner's processes and containers to go", async || {
        let group_is_empty = killpg(runner, None).is_err();
        let containers_are_gone = containers(&task_id).iter().all(|container| !first.contains(container));
        (group_is_empty && containers_are_gone).then_some(())
    })
    .await;
    assert!(killed.elapsed() < Duration::from_secs(10), "it took {:?}", killed.elapsed());

    let task = stack.completed(&task_id).await;
    assert_eq!(task["trials"][0]["reward"], json!(1.0));
    assert_eq!(task["trials"][0]["attempts"], 2);
    assert_eq!(stack.outcomes(&task_id).await, ["lost", "recorded"]);
    assert!(containers(&task_id).is_empty());
}

#[tokio::test]
async fn a_runner_outlives_its_killed_server_and_the_next_server_leaves_it_to_finish() {
    let mut stack = Stack::new().await;
    let server = stack.start_api(&["--n-concurrent", r#"{"default": 1}"#]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle", "--n-trials", "2"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    let runner = stack.runners().await[0];
    stack.kill(server);
    assert!(kill(runner, None).is_ok(), "the runner died with its server");
    stack.start_api(&[]).await;
    let task = stack.completed(&task_id).await;
    assert_eq!((&task["completed"], &task["failed"]), (&json!(2), &json!(0)));
    assert_eq!(stack.outcomes(&task_id).await, ["recorded", "recorded"], "nothing ran twice");
}

#[tokio::test]
async fn a_server_that_starts_again_closes_the_attempts_of_dead_runners() {
    let mut stack = Stack::new().await;
    let server = stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    let runner = stack.runners().await[0];
    // First the server, which would notice; then the whole group of the runner, so that nobody cleans up.
    stack.kill(server);
    killpg(runner, Signal::SIGKILL).unwrap();
    eventually("the runner to be gone", async || killpg(runner, None).is_err().then_some(())).await;
    assert_eq!(containers(&task_id).len(), 1, "the container is still there");
    stack.start_api(&[]).await;
    let task = stack.completed(&task_id).await;
    assert_eq!(task["trials"][0]["reward"], json!(1.0));
    assert_eq!(stack.outcomes(&task_id).await, ["lost", "recorded"]);
    assert!(containers(&task_id).is_empty());
}

/// A runner that was adopted from an earlier server and dies later is noticed too.
#[tokio::test]
async fn the_death_of_an_adopted_runner_is_noticed() {
    let mut stack = Stack::new().await;
    let server = stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    let runner = stack.runners().await[0];
    stack.kill(server);
    stack.start_api(&[]).await;
    kill(runner, Signal::SIGKILL).unwrap();
    let task = stack.completed(&task_id).await;
    assert_eq!(task["trials"][0]["reward"], json!(1.0));
    assert_eq!(stack.outcomes(&task_id).await, ["lost", "recorded"]);
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_gives_its_trials_back() {
    let mut stack = Stack::new().await;
    let server = stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    stack.terminate(server);
    assert!(stack.processes().is_empty(), "{:?} still run", stack.processes());
    assert!(containers(&task_id).is_empty());
    assert_eq!(stack.outcomes(&task_id).await, ["interrupted"]);
    stack.start_api(&[]).await;
    let task = stack.completed(&task_id).await;
    assert_eq!((&task["trials"][0]["reward"], &task["trials"][0]["attempts"]), (&json!(1.0), &json!(1)));
    assert_eq!(stack.outcomes(&task_id).await, ["interrupted", "recorded"]);
}

/// Between finishing and recording: the trial was paid for, and its outcome is in the store.
#[tokio::test]
async fn a_runner_that_dies_before_it_can_record_has_not_run_in_vain() {
    let mut stack = Stack::new().await;
    stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    let runner = stack.runners().await[0];
    // Recording waits for this lock.
    let mut held = stack.db.begin().await.unwrap();
    sqlx::query("select from oddish.jobs for update").execute(&mut held).await.unwrap();
    let outcome = stack.storage().join(format!("tasks/{task_id}/trials/{task_id}-0/attempt-1.outcome.json"));
    eventually("the outcome to be stored", async || outcome.is_file().then_some(())).await;
    kill(runner, Signal::SIGKILL).unwrap();
    held.rollback().await.unwrap();
    let task = stack.completed(&task_id).await;
    assert_eq!((&task["trials"][0]["reward"], &task["trials"][0]["attempts"]), (&json!(1.0), &json!(1)));
    assert_eq!(stack.outcomes(&task_id).await, ["recorded"], "it ran once");
}

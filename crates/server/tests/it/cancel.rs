//! Cancelling what runs, with real Harbor and Docker.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stack::{Stack, containers, eventually, tasks};

#[tokio::test]
async fn a_running_trial_that_is_cancelled_stops_within_seconds_and_can_run_again() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--n-concurrent", r#"{"default": 1}"#]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle", "--n-trials", "2"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    assert_eq!(containers(&task_id).len(), 1);

    // This bound is a promise to users, so it is checked; it is several times what it takes.
    let asked = Instant::now();
    let answer = stack.post("/tasks/cancel", &json!({"task_ids": [task_id]})).await;
    assert_eq!(answer["cancelled"].as_array().map(Vec::len), Some(1), "one was waiting: {answer}");
    assert_eq!(answer["stopping"].as_array().map(Vec::len), Some(1), "one was running: {answer}");
    let task = eventually("the task to stop", async || {
        let task = stack.get(&format!("/tasks/{task_id}")).await;
        (task["status"] == "failed").then_some(task)
    })
    .await;
    assert!(asked.elapsed() < Duration::from_secs(15), "it took {:?}", asked.elapsed());
    assert!(containers(&task_id).is_empty(), "its container is still there");
    for trial in task["trials"].as_array().unwrap() {
        assert_eq!((&trial["status"], &trial["harbor_stage"]), (&json!("failed"), &json!("cancelled")), "{trial}");
        assert_eq!(trial["error_message"], "Cancelled by user");
    }

    let answer = stack.post(&format!("/trials/{task_id}-1/retry"), &json!({})).await;
    assert!(answer.to_string().contains(&format!("{task_id}-1")), "{answer}");
    let task = stack.completed(&task_id).await;
    assert_eq!((&task["trials"][0]["status"], &task["trials"][1]["reward"]), (&json!("failed"), &json!(1.0)), "{task}");
}

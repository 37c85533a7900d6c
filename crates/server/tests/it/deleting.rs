//! Deleting what runs, with real Harbor and Docker.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stack::{Stack, containers, eventually, hello, tasks};

#[tokio::test]
async fn a_running_task_that_is_deleted_stops_within_seconds_and_leaves_its_slot() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--n-concurrent", r#"{"default": 1}"#]).await;
    let deleted = stack.submit(&tasks().join("live"), &["-a", "oracle", "--n-trials", "2"]).remove(0);
    stack.stage(&deleted, "agent_running").await;
    assert_eq!(containers(&deleted).len(), 1);
    let waiting = stack.submit(&hello(), &["-a", "oracle"]).remove(0);

    // This bound is a promise to users, so it is checked; it is several times what it takes.
    let asked = Instant::now();
    let answer = stack.delete(&format!("/tasks/{deleted}")).await;
    assert_eq!(answer, json!({"status": "success", "deleted": {"task_id": deleted}}));
    eventually("its container to go", async || containers(&deleted).is_empty().then_some(())).await;
    assert!(asked.elapsed() < Duration::from_secs(15), "it took {:?}", asked.elapsed());
    assert_eq!(stack.status(&format!("/tasks/{deleted}"), None).await, 404);
    assert_eq!(stack.completed(&waiting).await["trials"][0]["reward"], json!(1.0));
}

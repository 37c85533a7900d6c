//! What comes out of real trials.

use serde_json::{Value, json};

use crate::stack::{Stack, containers, eventually, hello, tasks};

/// The reward of each trial.
fn rewards(task: &Value) -> Vec<Value> {
    task["trials"].as_array().unwrap().iter().map(|trial| trial["reward"].clone()).collect()
}

#[tokio::test]
async fn oracle_earns_a_reward_and_nop_does_not() {
    let mut stack = Stack::new().await;
    let server = stack.start_api(&[]).await;
    let oracle = stack.submit(&hello(), &["-a", "oracle", "--n-trials", "2"]).remove(0);
    let nop = stack.submit(&hello(), &["-a", "nop"]).remove(0);
    assert_eq!(oracle, nop, "the same content is the same task");
    assert_eq!(rewards(&stack.completed(&oracle).await), [json!(1.0), json!(1.0), json!(0.0)]);

    let trial_id = format!("{oracle}-0");
    let result = stack.get(&format!("/trials/{trial_id}/result")).await;
    assert_eq!(result["verifier_result"]["rewards"]["reward"], 1.0);
    let logs = stack.get(&format!("/trials/{trial_id}/logs")).await;
    assert!(logs["logs"].as_str().unwrap().contains("PASS"), "{logs}");
    let tree = stack.storage().join(format!("tasks/{oracle}/trials/{trial_id}/attempt-1"));
    for file in ["result.json", "trial.log", "agent/oracle.txt", "verifier/test-stdout.txt", "verifier/reward.txt"] {
        assert!(tree.join(file).is_file(), "{file} is not in {}", tree.display());
    }
    let trial = stack.get(&format!("/tasks/{oracle}/trials/0")).await;
    assert_eq!((&trial["status"], &trial["attempts"]), (&json!("success"), &json!(1)));
    assert!(trial["phase_timing"]["agent_execution"]["duration_sec"].is_number(), "{trial}");

    stack.terminate(server);
    assert!(stack.processes().is_empty(), "{:?} still run", stack.processes());
    assert!(containers(&oracle).is_empty() && containers(&nop).is_empty());
    assert_eq!(std::fs::read_dir(stack.folder().join("harbor-jobs")).unwrap().count(), 0, "scratch folders stay");
}

#[tokio::test]
async fn a_running_trial_shows_its_stage_and_its_log() {
    let mut stack = Stack::new().await;
    stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    let trial_id = format!("{task_id}-0");
    let trial = eventually("a tick in the log of the running trial", async || {
        let logs = stack.get(&format!("/trials/{trial_id}/logs")).await;
        let trial = stack.get(&format!("/tasks/{task_id}/trials/0")).await;
        assert_ne!(trial["status"], "success", "it ended before a tick was seen: {logs}");
        logs["logs"].as_str().unwrap().contains("tick 1").then_some(trial)
    })
    .await;
    assert_eq!((&trial["status"], &trial["harbor_stage"]), (&json!("running"), &json!("agent_running")));
    assert_eq!(rewards(&stack.completed(&task_id).await), [json!(1.0)]);
}

/// Each task of the folder comes out as it should, submitted as one data set.
#[tokio::test]
async fn every_kind_of_outcome_is_told_apart() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_MAX_ATTEMPTS", "1");
    stack.start_api(&["--n-concurrent", r#"{"default": 2}"#]).await;
    let names = ["broken-build", "multi-reward", "multistep", "noreward", "prebuilt"];
    let filters: Vec<&str> = names.iter().flat_map(|name| ["-t", *name]).collect();
    let task_ids = stack.submit(&tasks(), &[&["-a", "oracle"], filters.as_slice()].concat());
    assert_eq!(task_ids.len(), names.len());
    let mut found = Vec::new();
    for task_id in task_ids {
        let task = stack.completed(&task_id).await;
        let trial = &task["trials"][0];
        found.push(json!([task["name"], trial["status"], trial["reward"], trial["rewards"], trial["error_type"]]));
        assert_eq!(trial["attempts"], 1, "one attempt was allowed: {trial}");
    }
    found.sort_by_key(|outcome| outcome[0].to_string());
    let expected = json!([
        ["broken-build", "failed", null, null, "RuntimeError"],
        ["multi-reward", "success", null, {"reward": 0.75, "correctness": 1.0, "style": 0.5}, null],
        ["multistep", "success", 0.75, {"reward": 0.75}, null],
        ["noreward", "failed", null, null, "RewardFileNotFoundError"],
        ["prebuilt", "success", 1.0, {"reward": 1.0}, null],
    ]);
    let mut expected = expected.as_array().unwrap().clone();
    expected[1][2] = json!(0.75);
    assert_eq!(found, expected);
}

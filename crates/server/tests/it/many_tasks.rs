//! An experiment of 3,000 tasks: nothing that shows it stops at a page.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use oddish_test_support::scene::{Scene, trial_specs};
use serde_json::{Value, json};

use crate::stack::{Stack, program};

const TASKS: usize = 3000;

#[tokio::test]
async fn every_task_of_an_experiment_is_shown_and_watched() {
    let mut stack = Stack::new().await;
    let scene = Scene::new(stack.db.clone()).limit("held", 0).await;
    let first = scene.upload().await;
    let experiment_id = scene.sweep(&first, Some("large"), &trial_specs(1, "held")).await.unwrap().experiment.id;
    for _ in 1..TASKS {
        let task = scene.upload().await;
        scene.sweep(&task, Some(&experiment_id), &trial_specs(1, "held")).await.unwrap();
    }
    stack.start_api(&[]).await;
    let said = |arguments: &[&str]| {
        let output = stack.oddish(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let listed = said(&["status"]);
    let row: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, [&experiment_id, "large", "3000", "0/3000", "0", "-"], "{listed}");
    let shown = said(&["status", "--experiment", &experiment_id]);
    assert_eq!(shown.lines().filter(|line| line.starts_with("some-task-")).count(), TASKS, "{shown}");
    assert!(shown.contains("\n0/3000 tasks done | 0 running | 3000 pending"), "{shown}");
    let found: Value = serde_json::from_str(&said(&["status", "-e", &experiment_id, "--json"])).unwrap();
    assert_eq!(found["tasks"].as_array().unwrap().len(), TASKS);

    let mut watch = Command::new(program("oddish"))
        .args(["watch", "--experiment", "large", "--api", stack.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stderr.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "0/3000 trials ended, 3000 waiting");
    stack.post(&format!("/experiments/{experiment_id}/cancel"), &json!({})).await;
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.contains(&"3000/3000 trials ended, 3000 failed".to_owned()), "{rest:?}");
    assert!(rest.len() < 20, "{rest:?}");
    let output = watch.wait_with_output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("3000 trials | 0 succeeded | 3000 failed | no rewards"), "{shown}");
    assert!(shown.contains("... and 2980 more failed"), "{shown}");
}

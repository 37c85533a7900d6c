use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use wiremock::MockServer;

use crate::answers::{
    Script, error_answer, json_answer, on, take_sweeps_after, take_uploads, task_status, tasks, trial,
};
use crate::binary::{bounded, command, oddish, oddish_at};

const ID: &str = "hello-00000001";

fn hello(trials: [Value; 2]) -> Value {
    let [first, second] = trials;
    task_status(ID, &[trial(ID, 0, first), trial(ID, 1, second)], json!({}))
}

pub(crate) fn running(stage: &str) -> Value {
    json!({ "status": "running", "harbor_stage": stage, "attempts": 1 })
}

pub(crate) fn ended(reward: f64) -> Value {
    json!({ "status": "success", "harbor_stage": "completed", "attempts": 1, "reward": reward })
}

pub(crate) fn failed(message: &str) -> Value {
    json!({ "status": "failed", "harbor_stage": "completed", "attempts": 1, "error_message": message })
}

async fn server_with(answers: Vec<wiremock::ResponseTemplate>) -> MockServer {
    server_after(0, answers).await
}

/// One whose task has so many trials before the run.
async fn server_after(older: u32, answers: Vec<wiremock::ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    take_uploads(&server).await;
    take_sweeps_after(&server, older).await;
    on(&server, "GET", "/tasks/hello-00000001", Script::new(answers)).await;
    server
}

async fn run_hello(server: &MockServer, flags: &[&str]) -> crate::binary::Outcome {
    let folder = tasks(&["hello"]);
    let path = folder.path().join("hello");
    let arguments: Vec<&str> = ["run", path.to_str().unwrap(), "-a", "oracle", "--n-trials", "2"]
        .into_iter()
        .chain(flags.iter().copied())
        .collect();
    oddish_at(server, &arguments).await
}

#[tokio::test]
async fn a_run_is_watched_to_its_results() {
    let server = server_with(vec![
        json_answer(&hello([json!({}), json!({})])),
        json_answer(&hello([running("agent_running"), json!({})])),
        json_answer(&hello([ended(1.0), ended(0.25)])),
    ])
    .await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Submitting 1 task to http://server
hello-00000001-0: queued
hello-00000001-1: queued
hello-00000001-0: agent_running
hello-00000001-0: success, reward 1
hello-00000001-1: success, reward 0.25

"#]]
    );
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Task submitted!
Task        hello-00000001
Trials      2
Providers   default 2
Experiment  9f8e7d6c (swift-otter-x1y2)
Watch       oddish watch hello-00000001

Trial             Agent   Model    Status   Reward
hello-00000001-0  oracle  default  success       1
hello-00000001-1  oracle  default  success    0.25

2 trials | 2 succeeded | 0 failed | mean reward 0.62 (over 2 with a reward)

Experiment  9f8e7d6c (swift-otter-x1y2)

oracle, default
Figure          Value    95 % interval  Of                   
reward            0.625              -  1 task (few tasks)
cost in USD        0.50              -  2 of 2 attempts known
tokens read     unknown              -  0 of 2 attempts known
from cache      unknown              -  0 of 2 attempts known
tokens written  unknown              -  0 of 2 attempts known
seconds         unknown              -  0 of 2 attempts known

2 of 2 trials are graded (100.0 %)

"#]]
    );
}

#[tokio::test]
async fn a_failed_trial_is_explained_and_fails_the_run() {
    let message = "RuntimeError: docker build failed\n  at line 3";
    let server = server_with(vec![json_answer(&hello([failed(message), ended(0.0)]))]).await;
    let outcome = run_hello(&server, &["-q"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (3, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Task submitted!
Task        hello-00000001
Trials      2
Providers   default 2
Experiment  9f8e7d6c (swift-otter-x1y2)
Watch       oddish watch hello-00000001

Trial             Agent   Model    Status   Reward
hello-00000001-0  oracle  default  failed        -
hello-00000001-1  oracle  default  success       0

2 trials | 1 succeeded | 1 failed | mean reward 0.00 (over 1 with a reward)

hello-00000001-0: RuntimeError: docker build failed
Logs: oddish logs <trial>

Experiment  9f8e7d6c (swift-otter-x1y2)

oracle, default
Figure          Value    95 % interval  Of                   
reward            0.625              -  1 task (few tasks)
cost in USD        0.50              -  2 of 2 attempts known
tokens read     unknown              -  0 of 2 attempts known
from cache      unknown              -  0 of 2 attempts known
tokens written  unknown              -  0 of 2 attempts known
seconds         unknown              -  0 of 2 attempts known

2 of 2 trials are graded (100.0 %)

"#]]
    );
}

#[tokio::test]
async fn a_reward_of_zero_is_no_failure() {
    let server = server_with(vec![json_answer(&hello([ended(0.0), ended(0.0)]))]).await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
}

#[tokio::test]
async fn json_with_watch_is_one_object_with_results() {
    let done = hello([failed("no space left"), ended(1.0)]);
    let server = server_with(vec![json_answer(&hello([json!({}), json!({})])), json_answer(&done)]).await;
    let outcome = run_hello(&server, &["--json", "--watch"]).await;
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    let found = outcome.json();
    assert_eq!(found["experiment"], "swift-otter-x1y2");
    assert_eq!(found["tasks"][0]["status"], "completed");
    assert_eq!(found["tasks"][0]["trials"], done["trials"]);
    assert_eq!(found["results"]["agents"][0]["headline"]["value"], 0.625);
}

#[tokio::test]
async fn a_run_fails_under_the_bar_that_it_was_given() {
    let good = || server_with(vec![json_answer(&hello([ended(1.0), ended(0.25)]))]);
    for (bar, code) in [("0.625", 0), ("0.63", 4)] {
        let outcome = run_hello(&good().await, &["--fail-under", bar]).await;
        assert_eq!(outcome.code, code, "{outcome:#?}");
        assert_eq!(
            outcome.stderr.contains("the reward of oracle, default is 0.625, below 0.630"),
            code == 4,
            "{outcome:#?}"
        );
    }
    // With --json too the trials are waited for, and what failed to execute comes first.
    let server = server_with(vec![json_answer(&hello([failed("no space left"), ended(1.0)]))]).await;
    let outcome = run_hello(&server, &["--json", "--fail-under", "0.63"]).await;
    assert_eq!((outcome.code, outcome.json()["tasks"][0]["status"].as_str()), (3, Some("completed")), "{outcome:#?}");
    let outcome = run_hello(&good().await, &["--background", "--fail-under", "0.63"]).await;
    assert_eq!(outcome.code, 2, "{outcome:#?}");
}

#[tokio::test]
async fn a_lost_answer_is_told_and_asked_for_again() {
    let server = server_with(vec![
        json_answer(&hello([running("starting"), json!({})])),
        error_answer(503, &json!("Temporary database connectivity issue. Please retry.")),
        json_answer(&hello([ended(1.0), ended(1.0)])),
    ])
    .await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let expected = "warning: Temporary database connectivity issue. Please retry.; trying again";
    assert!(outcome.stderr.contains(expected), "{outcome:#?}");
    assert!(outcome.stderr.contains("\nThe server answers again.\n"), "{outcome:#?}");
}

#[tokio::test]
async fn a_task_that_is_gone_ends_the_watch() {
    let server = server_with(vec![
        json_answer(&hello([json!({}), json!({})])),
        error_answer(404, &json!("Task hello-00000001 not found")),
    ])
    .await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("there is no task hello-00000001"), "{outcome:#?}");
}

#[tokio::test]
async fn a_watch_needs_something_to_watch() {
    for arguments in [&["watch"][..], &["status", "--watch"]] {
        let outcome = oddish(arguments);
        assert_eq!(outcome.code, 2, "{outcome:#?}");
        assert!(outcome.stderr.contains("hint: oddish watch TASK_ID"), "{outcome:#?}");
    }
}

#[tokio::test]
async fn ctrl_c_stops_watching_and_leaves_the_task() {
    let server = server_with(vec![json_answer(&hello([running("agent_running"), json!({})]))]).await;
    let command = command(&["watch", ID, "--api", &server.uri()]);
    let mut command = tokio::process::Command::from(command);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let pid = Pid::from_raw(child.id().unwrap().cast_signed());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    bounded(stderr.read_line(&mut text)).await.unwrap();
    bounded(stderr.read_line(&mut text)).await.unwrap();
    kill(pid, Signal::SIGINT).unwrap();
    bounded(stderr.read_to_string(&mut text)).await.unwrap();
    assert_eq!(bounded(child.wait()).await.unwrap().code(), Some(130), "{text}");
    let expected = "\nhint: the trials go on; watch them again with `oddish watch hello-00000001`\n";
    assert!(text.ends_with(expected), "{text}");
}

/// A task with a failed trial and a running one of an earlier run, and these of the run that is watched.
fn with_older_trials(trials: [Value; 2]) -> Value {
    let older = |mut changes: Value| {
        changes["experiment_id"] = json!("00000001");
        changes
    };
    let [first, second] = trials;
    let trials = [older(failed("an old fault")), older(running("agent_running")), first, second];
    let trials: Vec<Value> = trials.into_iter().enumerate().map(|(index, changes)| trial(ID, index, changes)).collect();
    task_status(ID, &trials, json!({ "experiment_id": "00000001", "experiment_name": "older" }))
}

#[tokio::test]
async fn trials_of_earlier_runs_neither_hold_a_run_up_nor_fail_it() {
    let server = server_after(
        2,
        vec![
            json_answer(&with_older_trials([running("starting"), json!({})])),
            json_answer(&with_older_trials([ended(1.0), ended(0.0)])),
        ],
    )
    .await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Submitting 1 task to http://server
hello-00000001-2: starting
hello-00000001-3: queued
hello-00000001-2: success, reward 1
hello-00000001-3: success, reward 0

"#]]
    );
    let results = outcome.stdout.split_once("\n\n").unwrap().1.to_owned();
    assert_data_eq!(
        results,
        str![[r#"
Trial             Agent   Model    Status   Reward
hello-00000001-2  oracle  default  success       1
hello-00000001-3  oracle  default  success       0

2 trials | 2 succeeded | 0 failed | mean reward 0.50 (over 2 with a reward)

Experiment  9f8e7d6c (swift-otter-x1y2)

oracle, default
Figure          Value    95 % interval  Of                   
reward            0.625              -  1 task (few tasks)
cost in USD        0.50              -  2 of 2 attempts known
tokens read     unknown              -  0 of 2 attempts known
from cache      unknown              -  0 of 2 attempts known
tokens written  unknown              -  0 of 2 attempts known
seconds         unknown              -  0 of 2 attempts known

2 of 2 trials are graded (100.0 %)

"#]]
    );

    let done = with_older_trials([ended(1.0), ended(0.0)]);
    let server = server_after(2, vec![json_answer(&done)]).await;
    let outcome = run_hello(&server, &["--json", "--watch"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let found = outcome.json();
    assert_eq!(found["tasks"][0]["status"], "completed");
    assert_eq!(found["tasks"][0]["trials"], json!([done["trials"][2], done["trials"][3]]));
}

#[tokio::test]
async fn in_a_named_experiment_a_run_is_the_trials_that_its_sweep_created() {
    let of = |changes: &[Value]| {
        let trials: Vec<Value> =
            changes.iter().enumerate().map(|(index, changes)| trial(ID, index, changes.clone())).collect();
        json_answer(&task_status(ID, &trials, json!({})))
    };
    // Somebody else adds to the experiment before the run is first looked at.
    let server = server_after(
        1,
        vec![
            of(&[failed("earlier"), running("starting"), ended(1.0), json!({})]),
            of(&[failed("earlier"), running("verification"), ended(1.0), failed("later")]),
            of(&[failed("earlier"), ended(1.0), ended(1.0), failed("later")]),
        ],
    )
    .await;
    let outcome = run_hello(&server, &["-E", "mine"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stdout.contains("\n2 trials | 2 succeeded | 0 failed"), "{outcome:#?}");
    assert!(
        !outcome.stdout.contains("hello-00000001-0") && !outcome.stdout.contains("hello-00000001-3"),
        "{outcome:#?}"
    );
}

use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::answers::{accepting_server, sweeps, tasks};
use crate::binary::{Outcome, command, oddish_at};

const JOB: &str = "\
job_name: nightly
jobs_dir: jobs
n_attempts: 3
timeout_multiplier: 1.5
orchestrator:
  type: local
  n_concurrent_trials: 4
environment:
  type: docker
  force_build: true
  delete: true
agents:
  - name: oracle
  - import_path: my.module:Agent
    override_timeout_sec: 90
datasets:
  - path: DATASET
    exclude_task_names: [slow-one]
  - name: some-benchmark
    version: \"1.0\"
";

/// What a run with a file says, where paths in the folder begin with `FOLDER`.
async fn run(server: &wiremock::MockServer, folder: &tempfile::TempDir, arguments: &[&str]) -> Outcome {
    let outcome = oddish_at(server, arguments).await;
    let path = folder.path().to_str().unwrap();
    Outcome { stderr: outcome.stderr.replace(path, "FOLDER"), ..outcome }
}

#[tokio::test]
async fn a_job_configuration_is_recognised_taken_and_the_rest_is_named() {
    let server = accepting_server().await;
    let folder = tasks(&["set/fast", "set/slow-one"]);
    let file = folder.path().join("job.yaml");
    std::fs::write(&file, JOB.replace("DATASET", folder.path().join("set").to_str().unwrap())).unwrap();
    let outcome = run(&server, &folder, &["run", "-c", file.to_str().unwrap(), "--json"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
FOLDER/job.yaml is a job configuration of Harbor's
warning: FOLDER/job.yaml, line 2, column 1: jobs_dir has no meaning here: results are kept at the server
warning: FOLDER/job.yaml, line 5, column 1: orchestrator has no meaning here: how many trials run at once is set at the server, for each model
warning: FOLDER/job.yaml, line 19, column 5: datasets[1].name is left out: a dataset of a registry is not fetched: download it (`harbor download`, `git clone`) and give its path
Submitting 1 task to http://server

"#]]
    );
    let sweeps = sweeps(&server).await;
    assert_eq!(sweeps.len(), 1, "slow-one is left out");
    let sweep = &sweeps[0];
    assert_eq!((&sweep["experiment_id"], &sweep["environment"]), (&json!("nightly"), &json!("docker")));
    let configs = json!([
        { "agent": "oracle", "n_trials": 3 },
        { "agent": "my.module:Agent", "n_trials": 3, "agent_config": { "override_timeout_sec": 90 } }
    ]);
    assert_eq!(sweep["configs"], configs);
    assert_eq!(sweep["harbor"], json!({ "timeout_multiplier": 1.5, "environment": { "force_build": true } }));
}

#[tokio::test]
async fn flags_win_over_a_job_configuration() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let file = folder.path().join("job.json");
    let job = json!({
        "agents": [{ "name": "nop", "override_timeout_sec": 90, "kwargs": { "a": 1, "b": 0.1 } }],
        "environment": { "type": "modal", "override_cpus": 0.5, "override_memory_mb": 600 },
        "datasets": [{ "name": "x" }]
    });
    std::fs::write(&file, job.to_string()).unwrap();
    let hello = folder.path().join("hello");
    let flags = [
        "-e",
        "docker",
        "--override-cpus",
        "2",
        "--timeout-minutes",
        "5",
        "--ak",
        "a=2",
        "--n-trials",
        "4",
        "-E",
        "mine",
        "-q",
        "-b",
    ];
    let arguments: Vec<&str> =
        ["run", hello.to_str().unwrap(), "-c", file.to_str().unwrap()].into_iter().chain(flags).collect();
    let outcome = run(&server, &folder, &arguments).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
warning: the tasks in FOLDER/job.json are ignored: they come from the command line

"#]]
    );
    let sweep = &sweeps(&server).await[0];
    let config = json!({
        "agent": "nop", "n_trials": 4, "timeout_minutes": 5.0, "agent_kwargs": { "a": "2", "b": 0.1 }, "agent_config": {}
    });
    assert_eq!(sweep["configs"], json!([config]));
    assert_eq!(sweep["harbor"], json!({ "environment": { "override_cpus": 2, "override_memory_mb": 600 } }));
    assert_eq!((&sweep["environment"], &sweep["experiment_id"]), (&json!("docker"), &json!("mine")));
}

#[tokio::test]
async fn what_would_run_trials_under_other_conditions_is_refused_before_anything_is_sent() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let file = folder.path().join("job.yaml");
    std::fs::write(&file, "n_attempts: 1\nextra_instructions: [be quick]\nenvironment:\n  env: {A: b}\n  mounts: []\n")
        .unwrap();
    let hello = folder.path().join("hello");
    let outcome = run(&server, &folder, &["run", hello.to_str().unwrap(), "-c", file.to_str().unwrap(), "-q"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: FOLDER/job.yaml, line 2, column 21: extra_instructions: it is not supported here: write it into the instruction.md of the tasks
error: FOLDER/job.yaml, line 4, column 8: environment.env: it is not supported here: set it in the task's task.toml, or for the agent

"#]]
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

/// A job without agents runs Harbor's oracle, unless a flag names another; its variables come from here, as Harbor's from its own.
#[tokio::test]
async fn a_job_means_what_harbor_makes_of_it() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let file = folder.path().join("job.yaml");
    let hello = folder.path().join("hello");
    std::fs::write(&file, format!("n_attempts: 2\ntasks: [{{path: {}}}]\n", hello.display())).unwrap();
    for (flags, agent) in [(vec![], "oracle"), (vec!["-a", "nop"], "nop")] {
        let arguments: Vec<&str> = ["run", "-c", file.to_str().unwrap(), "-b"].into_iter().chain(flags).collect();
        assert_eq!(run(&server, &folder, &arguments).await.code, 0);
        let sent = sweeps(&server).await.pop().unwrap();
        assert_eq!(sent["configs"], json!([{ "agent": agent, "n_trials": 2 }]));
    }
    std::fs::write(&file, "agents: [{import_path: 'a:B', env: {KEY: '${MINE}', PLAIN: '$MINE'}}]\n").unwrap();
    let mut command = command(&["run", hello.to_str().unwrap(), "-c", file.to_str().unwrap(), "-b"]);
    command.env("ODDISH_API_URL", server.uri()).env("MINE", "hush");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success() && !format!("{output:?}").contains("hush"), "{output:?}");
    let sweeps = sweeps(&server).await;
    let sent = &sweeps.last().unwrap()["configs"][0]["agent_env"];
    assert_eq!(sent, &json!({ "KEY": "hush", "PLAIN": "$MINE" }));
}

#[tokio::test]
async fn a_job_of_remote_tasks_alone_says_what_to_do() {
    let server = accepting_server().await;
    let folder = tasks(&[]);
    let file = folder.path().join("job.yaml");
    std::fs::write(&file, "datasets: [{name: some-benchmark}]\n").unwrap();
    let outcome = run(&server, &folder, &["run", "-c", file.to_str().unwrap(), "-q"]).await;
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
warning: FOLDER/job.yaml, line 1, column 13: datasets[0].name is left out: a dataset of a registry is not fetched: download it (`harbor download`, `git clone`) and give its path
error: no task given
hint: oddish run PATH, where PATH is a task directory or holds some

"#]]
    );
}

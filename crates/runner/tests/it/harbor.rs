//! The driver with real Harbor, in real Docker.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use oddish_artifacts::{FolderStore, SharedStore, list_all};
use oddish_db::AttemptRef;
use oddish_db::attempts::Assignment;
use oddish_domain::agent_env::AgentEnv;
use oddish_domain::environment::KNOWN_ENVIRONMENTS;
use oddish_domain::harbor_settings::HarborSettings;
use oddish_domain::status::JobKind;
use oddish_runner::attempt::{Scratch, compose_project, trial_name};
use oddish_runner::clean_up::clean_up;
use oddish_runner::confinement::Mode;
use oddish_runner::confinement::launch::Launch;
use oddish_runner::driver_environment::driver_environment;
use oddish_runner::harbor_config::{COMPOSE_OVERLAY, trial_config};
use oddish_runner::harbor_process::{DriverLine, HarborProcess};
use oddish_runner::harbor_result::read_outcome;
use oddish_runner::redaction::Redactor;
use oddish_runner::upload::upload_tree;
pub(crate) use oddish_test_support::hello_task as hello;
use serde_json::{Value, json};

use crate::upload::BOUNDS;
use crate::{confinement, fixtures};

/// Generous: the machine may be busy. No test waits so long unless something is wrong.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

fn python() -> PathBuf {
    env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up")
        .into()
}

pub(crate) struct Rig {
    _jobs: tempfile::TempDir,
    pub(crate) scratch: Scratch,
    pub(crate) assignment: Assignment,
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// An attempt at a task of ours, with the task in place.
pub(crate) fn rig(task: &Path) -> Rig {
    rig_of("test", task)
}

/// The same, where the task has this name.
fn rig_of(task_name: &str, task: &Path) -> Rig {
    let jobs = tempfile::tempdir().unwrap();
    // Tests run at the same time, and containers are told apart by the trial.
    let unique: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
    let trial_id = format!("{task_name}-{unique}-0");
    let scratch = Scratch::new(jobs.path(), &trial_id, 1);
    let assignment = Assignment {
        attempt: AttemptRef { kind: JobKind::Trial, subject: trial_id, number: 1, token: uuid::Uuid::new_v4() },
        queue_key: "default".to_owned(),
        task_id: format!("test-{unique}"),
        task_name: "test".to_owned(),
        task_version: 1,
        archive_key: String::new(),
        archive_sha256: String::new(),
        agent: "oracle".to_owned(),
        model: None,
        environment: "docker".to_owned(),
        agent_timeout_sec: None,
        harbor: json!({}),
    };
    copy(task, &scratch.task("test"));
    fs::create_dir_all(scratch.trials()).unwrap();
    fs::write(scratch.compose_overlay(), COMPOSE_OVERLAY).unwrap();
    let config = trial_config(&assignment, &HarborSettings::default(), &AgentEnv::default(), None, &scratch);
    fs::write(scratch.trial_config(), config.to_string()).unwrap();
    let environment = driver_environment(env::vars_os(), &[]);
    Rig { _jobs: jobs, scratch, assignment, environment }
}

impl Rig {
    /// Starts Harbor, confined as it is by default.
    fn launch(&self) -> HarborProcess {
        let launch = Launch {
            program: Path::new(env!("CARGO_BIN_EXE_oddish-runner")),
            python: &python(),
            settings: &confinement(Mode::Auto),
            variables: &self.environment,
            pass_env: &[],
        };
        launch.start(&self.scratch).unwrap()
    }

    pub(crate) async fn begin(&self) -> HarborProcess {
        self.begin_with_default(3600.0).await
    }

    /// Its agent gets `seconds` where nobody names a time-out.
    pub(crate) async fn begin_with_default(&self, seconds: f64) -> HarborProcess {
        let mut harbor = self.launch();
        harbor.begin(&self.scratch.trial_config(), seconds).await.unwrap();
        harbor
    }

    fn containers(&self) -> Vec<String> {
        containers(&compose_project(self.scratch.trial_name()))
    }
}

/// Not even a failed test leaves a container.
impl Drop for Rig {
    fn drop(&mut self) {
        for container in self.containers() {
            let _best_effort = Command::new("docker").args(["rm", "--force", &container]).output();
        }
    }
}

fn containers(project: &str) -> Vec<String> {
    let filter = format!("label=com.docker.compose.project={project}");
    let output = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().unwrap();
    assert!(output.status.success(), "Docker does not answer; run the tests with `cargo xtask test`, which sets it up");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn sleepy() -> PathBuf {
    fixtures().join("tasks/sleepy")
}

/// Reads lines until the event comes.
async fn until_event(harbor: &mut HarborProcess, wanted: &str) {
    let reading = async {
        while let Some(line) = harbor.next().await.unwrap() {
            match line {
                DriverLine::Event { event } if event == wanted => return,
                DriverLine::Failed { error } => panic!("{error:?}"),
                _ => {}
            }
        }
        panic!("the driver ended before `{wanted}`: {}", harbor.output_tail());
    };
    tokio::time::timeout(LIMIT, reading).await.unwrap();
}

#[tokio::test]
async fn a_trial_runs_to_its_reward() {
    let rig = rig(&hello());
    let mut harbor = rig.begin().await;
    let mut events = Vec::new();
    let reading = async {
        loop {
            match harbor.next().await.unwrap() {
                Some(DriverLine::Event { event }) => events.push(event),
                Some(DriverLine::Done { .. }) => return,
                Some(DriverLine::Failed { error }) => panic!("{error:?}"),
                Some(_) => {}
                None => panic!("the driver ended: {}", harbor.output_tail()),
            }
        }
    };
    tokio::time::timeout(LIMIT, reading).await.unwrap();
    assert_eq!(events, ["start", "environment-start", "agent-start", "agent-end", "verification-start", "end"]);
    let outcome = read_outcome(&rig.scratch.trial());
    assert_eq!((outcome.succeeded, outcome.reward, outcome.error_message), (true, Some(1.0), None));
    assert_eq!(rig.containers(), [""; 0], "containers are gone when the result is there");
    assert!(tokio::time::timeout(LIMIT, harbor.wait()).await.unwrap().unwrap().success());
}

/// Docker refuses a tag with `_-` or `___` in it, and Compose tags what it builds after the project.
#[tokio::test]
async fn tasks_of_names_that_docker_would_refuse_are_built() {
    for task_name in ["foo_", "a___b", "abcdefghijklmnopqrstuvwxyza_hard"] {
        let rig = rig_of(task_name, &hello());
        let mut harbor = rig.begin().await;
        while let Some(line) = tokio::time::timeout(LIMIT, harbor.next()).await.unwrap().unwrap() {
            assert!(!matches!(line, DriverLine::Failed { .. }), "{line:?}");
        }
        let outcome = read_outcome(&rig.scratch.trial());
        assert_eq!((outcome.reward, outcome.error_message), (Some(1.0), None), "{task_name}");
    }
}

/// Prints what Harbor makes of trial names: the projects of the sandbox and of a separate verifier.
const PROJECTS: &str = r#"
import sys
from types import SimpleNamespace

from harbor.environments.docker.docker import _sanitize_docker_compose_project_name as project
from harbor.trial.trial import Trial

for name in sys.argv[1:]:
    trial = SimpleNamespace(config=SimpleNamespace(trial_name=name))
    verifier = Trial._separate_verifier_session_id(trial, "trial")
    print(project(f"{name}__env"), project(verifier))
"#;

/// Its images and containers are found by them, and Compose appends the name of a service to them.
#[test]
fn harbor_calls_the_projects_of_every_trial_as_we_do() {
    let ids = [
        "hello-1a2b3c4d-0",
        "foo_-1a2b3c4d-0",
        "a___b-1a2b3c4d-0",
        "Upper.Case-1a2b3c4d-0",
        "-x-1a2b3c4d-0",
        "\u{e4}\u{f6}-1a2b3c4d-0",
        "abcdefghijklmnopqrstuvwxyza_hard-1a2b3c4d-0",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyza-1a2b3c4d-12345",
    ];
    let names: Vec<String> = ids.iter().flat_map(|id| [1, 12, i32::MAX].map(|number| trial_name(id, number))).collect();
    let output = Command::new(python()).args(["-I", "-c", PROJECTS]).args(&names).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let projects: Vec<&str> = printed.lines().collect();
    let expected: Vec<String> =
        names.iter().map(|name| format!("{} {name}__verifier__trial", compose_project(name))).collect();
    assert_eq!(projects, expected);
}

#[tokio::test]
async fn while_it_runs_its_logs_grow_and_its_container_can_be_stopped_at_once() {
    let rig = rig(&sleepy());
    let mut harbor = rig.begin().await;
    until_event(&mut harbor, "agent-start").await;
    let log = rig.scratch.trial().join("agent/oracle.txt");
    let growing = async {
        while fs::read_to_string(&log).unwrap_or_default() != "going to sleep\n" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, growing).await.unwrap();
    let container = rig.containers().pop().unwrap();
    let settings = "{{.HostConfig.Init}} {{.Config.StopTimeout}}";
    let output = Command::new("docker").args(["inspect", "--format", settings, &container]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "true 0");
    harbor.end(LIMIT).await;
}

#[tokio::test]
async fn told_to_stop_it_leaves_nothing() {
    let rig = rig(&sleepy());
    let mut harbor = rig.begin().await;
    until_event(&mut harbor, "agent-start").await;
    assert_eq!(rig.containers().len(), 1);
    assert!(harbor.stop(LIMIT).await);
    assert_eq!(rig.containers(), [""; 0]);
    let outcome = read_outcome(&rig.scratch.trial());
    assert_eq!(outcome.error_type.as_deref(), Some("CancelledError"));
}

#[tokio::test]
async fn when_its_runner_is_gone_it_leaves_nothing() {
    let rig = rig(&sleepy());
    let mut harbor = rig.begin().await;
    until_event(&mut harbor, "agent-start").await;
    assert_eq!(rig.containers().len(), 1);
    // What the system does with the pipes of a runner that was killed.
    assert!(harbor.end(LIMIT).await);
    assert_eq!(rig.containers(), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_attempt_left_is_removed() {
    let rig = rig(&sleepy());
    let mut harbor = rig.begin().await;
    until_event(&mut harbor, "agent-start").await;
    harbor.end(Duration::ZERO).await;
    assert_eq!(rig.containers().len(), 1, "killed, it can't remove its container");
    clean_up(&rig.scratch, &rig.environment).await;
    assert_eq!(rig.containers(), [""; 0]);
    assert!(!rig.scratch.root().exists());
    clean_up(&rig.scratch, &rig.environment).await;
}

#[tokio::test]
async fn what_an_agent_of_ones_own_prints_is_told() {
    let mut rig = rig(&hello());
    rig.assignment.agent = "talkative:Talkative".to_owned();
    let config = trial_config(&rig.assignment, &HarborSettings::default(), &AgentEnv::default(), None, &rig.scratch);
    fs::write(rig.scratch.trial_config(), config.to_string()).unwrap();
    rig.environment.push(("PYTHONPATH".into(), fixtures().join("agents").into()));
    let mut harbor = rig.begin().await;
    let mut printed = Vec::new();
    while let Some(line) = tokio::time::timeout(LIMIT, harbor.next()).await.unwrap().unwrap() {
        match line {
            DriverLine::Log { log, text } => printed.push((log, text)),
            DriverLine::Failed { error } => panic!("{error:?}"),
            _ => {}
        }
    }
    assert!(printed.contains(&("agent".to_owned(), "in the sandbox\n".to_owned())), "{printed:?}");
    assert!(harbor.output_tail().contains("on the process's own output"));
    let outcome = read_outcome(&rig.scratch.trial());
    assert_eq!((outcome.reward, outcome.input_tokens), (Some(0.0), Some(12)));
}

/// Harbor keeps in clear what the name doesn't call secret, and some characters of what it does.
#[tokio::test]
async fn what_an_agents_variables_leave_in_harbors_folder_is_taken_out() {
    const SECRETS: [&str; 2] = ["hush-4711-hush", "word-0815-word"];
    let rig = rig(&hello());
    let show = "#!/bin/bash\necho \"it is $GREETING and $MY_API_KEY\"\necho \"[$REFERENCE] [$ALL_OF_IT]\" > /logs/agent/kept.txt\necho hello > /app/hello.txt\n";
    fs::write(rig.scratch.task("test").join("solution/solve.sh"), show).unwrap();
    let mut env = AgentEnv::default();
    env.set("GREETING", SECRETS[0]).unwrap();
    env.set("MY_API_KEY", SECRETS[1]).unwrap();
    // What results are read by is no secret, and a reference is a text.
    env.set("RESULT_TOKEN", "verifier_result").unwrap();
    env.set("REFERENCE", "${HOME:-x} ").unwrap();
    env.set("ALL_OF_IT", "${HOME:-x}").unwrap();
    let config = trial_config(&rig.assignment, &HarborSettings::default(), &env, None, &rig.scratch);
    fs::write(rig.scratch.trial_config(), config.to_string()).unwrap();
    let mut harbor = rig.begin().await;
    while let Some(line) = tokio::time::timeout(LIMIT, harbor.next()).await.unwrap().unwrap() {
        if let DriverLine::Failed { error } = line {
            panic!("{error:?}");
        }
    }
    let trial = rig.scratch.trial();
    let config = fs::read_to_string(trial.join("config.json")).unwrap();
    assert!(config.contains(SECRETS[0]) && config.contains("word****ord"), "{config}");
    let said = fs::read_to_string(trial.join("agent/oracle.txt")).unwrap();
    assert_eq!(said, format!("it is {} and [REDACTED]\n", SECRETS[0]));
    let kept = fs::read_to_string(trial.join("agent/kept.txt")).unwrap();
    assert_eq!(kept, "[${HOME:-x} ] [${HOME:-x}]\n", "byte for byte");
    let result: Value = serde_json::from_slice(&fs::read(trial.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["verifier_result"]["rewards"], json!({"reward": 1.0}));

    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    upload_tree(&store, "a/", &trial, &Redactor::new(SECRETS), BOUNDS).await.unwrap();
    let mut redacted = 0;
    for object in list_all(&*store, "a/").await.unwrap() {
        let content = store.get(&object.key).await.unwrap();
        let content = String::from_utf8_lossy(&content);
        assert!(
            SECRETS.iter().all(|secret| !content.contains(secret)) && !content.contains("word****ord"),
            "{content}"
        );
        redacted += content.matches("[redacted]").count();
    }
    assert!(redacted >= 6, "{redacted}");
    let log = store.get(&"a/agent/oracle.txt".parse().unwrap()).await.unwrap();
    assert_eq!(log, "it is [redacted] and [REDACTED]\n");
    assert_eq!(read_outcome(&trial).reward, Some(1.0));
}

#[tokio::test]
async fn a_driver_that_is_not_needed_ends() {
    let rig = rig(&hello());
    let mut harbor = rig.launch();
    assert!(matches!(harbor.next().await.unwrap(), Some(DriverLine::Ready { .. })));
    assert!(harbor.end(LIMIT).await);
    assert!(!rig.scratch.trial().exists());
}

#[tokio::test]
async fn a_trial_that_cannot_begin_says_why() {
    let mut rig = rig(&hello());
    rig.assignment.agent = "nonsense".to_owned();
    let config = trial_config(&rig.assignment, &HarborSettings::default(), &AgentEnv::default(), None, &rig.scratch);
    fs::write(rig.scratch.trial_config(), config.to_string()).unwrap();
    let mut harbor = rig.begin().await;
    let mut error = None;
    while let Some(line) = tokio::time::timeout(LIMIT, harbor.next()).await.unwrap().unwrap() {
        if let DriverLine::Failed { error: given } = line {
            error = Some(given);
        }
    }
    let error = error.unwrap();
    assert_eq!(error.kind, "ValueError");
    assert!(error.message.contains("nonsense"), "{}", error.message);
    assert_eq!(harbor.wait().await.unwrap().code(), Some(1));
}

/// Every key that we write must be one that Harbor knows: it ignores the others without a word.
#[test]
fn harbor_understands_every_setting() {
    const CHECK: &str = "
import json, sys
from harbor.models.trial.config import TrialConfig
print(TrialConfig.model_validate(json.load(sys.stdin)).model_dump_json())
";
    let mut rig = rig(&hello());
    rig.assignment.agent = "my.agents:Agent".to_owned();
    rig.assignment.model = Some("anthropic/claude".to_owned());
    rig.assignment.agent_timeout_sec = Some(12.5);
    let settings: HarborSettings = serde_json::from_value(json!({
        "disable_verification": true, "verifier_timeout_sec": 30.0, "verifier_max_timeout_sec": 60.0, "override_cpus": 1.5,
        "override_memory_mb": 600, "override_storage_mb": 900, "override_gpus": 1, "force_build": true,
        "environment_kwargs": {"a": "b"}, "agent_setup_timeout_sec": 90.5, "agent_max_timeout_sec": 70.0,
        "agent_kwargs": {"c": "d"}, "mcp_servers": [{"name": "m", "transport": "sse", "url": "http://m"}],
        "artifacts": ["/a", {"source": "/b"}],
        "timeout_multipliers": {"all": 2.0, "agent": 0.5, "verifier": 3.0, "agent_setup": 4.0, "environment_build": 5.0}
    }))
    .unwrap();
    let mut env = AgentEnv::default();
    env.set("GREETING", "hello").unwrap();
    let ours = trial_config(&rig.assignment, &settings, &env, Some(99.0), &rig.scratch);
    assert_eq!(ours["agent"]["env"], json!({"GREETING": "hello"}));
    assert_eq!(ours["agent"]["import_path"], "my.agents:Agent");
    assert_eq!(ours["agent"]["override_timeout_sec"], 12.5);
    assert_eq!(ours["environment"]["kwargs"], json!({"a": "b", "auto_mounting": true}));
    assert_eq!((&ours["timeout_multiplier"], &ours["agent_timeout_multiplier"]), (&json!(2.0), &json!(0.5)));

    let mut child = Command::new(python())
        .args(["-P", "-c", CHECK])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &ours).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    contains("config", &theirs, &ours);
}

fn contains(path: &str, theirs: &Value, ours: &Value) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in ours {
                let found = theirs.get(key).unwrap_or_else(|| panic!("Harbor does not know {path}.{key}"));
                contains(&format!("{path}.{key}"), found, value);
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            assert_eq!(theirs.len(), ours.len(), "{path}");
            for (theirs, ours) in theirs.iter().zip(ours) {
                contains(path, theirs, ours);
            }
        }
        (theirs, ours) => assert_eq!(
            theirs.as_f64().map_or(theirs.clone(), Value::from),
            ours.as_f64().map_or(ours.clone(), Value::from),
            "{path}"
        ),
    }
}

/// What submissions may ask for is what Harbor has, no more and no less.
#[test]
fn harbor_has_the_environments_that_we_know() {
    const LIST: &str = "
import json
from harbor.models.environment_type import EnvironmentType
print(json.dumps([environment.value for environment in EnvironmentType]))
";
    let output = Command::new(python()).args(["-P", "-c", LIST]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut theirs: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    let mut ours = KNOWN_ENVIRONMENTS.to_vec();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, theirs);
}

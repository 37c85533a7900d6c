use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use super::known::{AGENT, DATASET, ENVIRONMENT, JOB, Known, Meaning, TASK, VERIFIER};
use super::{is_job, read};
use crate::commands::run::config::RunConfig;
use crate::config_file::{self, Faults, Node};
use crate::installed_harbor;

/// The fields of each model of a job configuration, with Harbor's defaults where JSON has them.
const FIELDS: &str = "
import json, sys
from harbor.models.job.config import DatasetConfig, JobConfig
from harbor.models.trial.config import AgentConfig, EnvironmentConfig, TaskConfig, VerifierConfig
models = {'JOB': JobConfig, 'ENVIRONMENT': EnvironmentConfig, 'VERIFIER': VerifierConfig,
          'AGENT': AgentConfig, 'DATASET': DatasetConfig, 'TASK': TaskConfig}
json.load(sys.stdin)
json.dump({name: sorted(model.model_fields) for name, model in models.items()}, sys.stdout)
";
/// What Harbor still reads from older files, and has no field for.
const OF_OLDER_VERSIONS: [&str; 4] = ["orchestrator", "plugins", "mounts_json", "registry"];
const TABLES: [(&str, &[Known]); 6] = [
    ("JOB", JOB),
    ("ENVIRONMENT", ENVIRONMENT),
    ("VERIFIER", VERIFIER),
    ("AGENT", AGENT),
    ("DATASET", DATASET),
    ("TASK", TASK),
];

fn parsed(name: &str, text: &str) -> Node {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    config_file::read(&path).unwrap()
}

fn job(text: &str) -> Result<RunConfig, Vec<String>> {
    let faults = Faults::default();
    let config = read(&parsed("job.yaml", text), &faults);
    let lines = faults.into_lines();
    if lines.is_empty() { Ok(config) } else { Err(lines) }
}

#[test]
fn every_field_of_the_installed_harbor_has_a_meaning_here() {
    let theirs = installed_harbor::ask(FIELDS, &Value::Null);
    for (model, table) in TABLES {
        let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        let ours: BTreeSet<&str> = names.iter().copied().filter(|name| !OF_OLDER_VERSIONS.contains(name)).collect();
        let theirs: BTreeSet<&str> =
            theirs[model].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(ours, theirs, "{model}: decide what new fields mean, and take out those that are gone");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{model} has a name twice");
    }
}

/// A value of each field that asks for something, in a job that is otherwise empty.
fn asking(model: &str, field: &str) -> String {
    let value = match field {
        "schema_version" | "n_attempts" | "n_concurrent_trials" | "n_concurrent" | "n_tasks" | "override_gpus" => "1",
        name if name.ends_with("_sec")
            || name.ends_with("multiplier")
            || name.ends_with("_mb")
            || name.ends_with("cpus") =>
        {
            "2"
        }
        "delete" => "false",
        "force_build"
        | "disable"
        | "overwrite"
        | "install_only"
        | "skip_model_parsing"
        | "resume_trajectory"
        | "debug"
        | "quiet"
        | "stream"
        | "skip_credential_checks"
        | "suppress_override_warnings" => "true",
        "type" => "docker",
        "agents" => "[{name: nop}]",
        "artifacts" => "[/a]",
        "mcp_servers" => "[{name: m}]",
        "task_names" | "exclude_task_names" | "extra_instructions" | "skills" | "include_logs" | "exclude_logs" => {
            "[a]"
        }
        "tasks" | "datasets" => "[{path: a}]",
        "environment" | "verifier" => "{}",
        "kwargs" => "{a: 1}",
        "env" => "{A: b}",
        "name" if model == "AGENT" => "nop",
        "import_path" => "my.module:Mine",
        _ => "x",
    };
    match model {
        "JOB" => format!("{field}: {value}\n"),
        "ENVIRONMENT" => format!("environment: {{{field}: {value}}}\n"),
        "VERIFIER" => format!("verifier: {{{field}: {value}}}\n"),
        "AGENT" => format!("agents: [{{{field}: {value}}}]\n"),
        "DATASET" if field == "path" => format!("datasets: [{{path: {value}}}]\n"),
        "DATASET" => format!("datasets: [{{path: a, {field}: {value}}}]\n"),
        "TASK" if field == "path" => format!("tasks: [{{path: {value}}}]\n"),
        _ => format!("tasks: [{{path: a, {field}: {value}}}]\n"),
    }
}

/// What a submission made of a job would hold, and where its tasks are.
fn taken(config: &RunConfig) -> String {
    let RunConfig { agents, default_trials, tasks, environment, experiment_id, harbor, left_out_tasks, .. } = config;
    format!("{agents:?} {default_trials:?} {tasks:?} {environment:?} {experiment_id:?} {harbor:?} {left_out_tasks:?}")
}

/// What is taken changes the submission, or the tasks. What is not is told in one line, or refuses the run in one line.
#[test]
fn every_field_is_taken_or_named_in_one_line() {
    for (model, table) in TABLES {
        for (field, meaning) in table {
            let text = asking(model, field);
            let without = match model {
                "DATASET" => "datasets: [{path: a}]\n",
                "TASK" => "tasks: [{path: a}]\n",
                "AGENT" => "agents: [{}]\n",
                _ => "",
            };
            match (meaning, job(&text)) {
                (Meaning::Taken, Ok(config)) => {
                    assert_eq!(config.left_out, [""; 0], "{text}");
                    // These say no more than Harbor's own defaults, are sections, or belong to what is not fetched.
                    let says_nothing = [
                        "schema_version",
                        "environment",
                        "verifier",
                        "version",
                        "ref",
                        "registry_url",
                        "registry_path",
                        "registry",
                        "git_commit_id",
                    ]
                    .contains(field)
                        || (model, *field) == ("DATASET", "name")
                        || (model, *field) == ("TASK", "name")
                        || *field == "path";
                    let before = if without.is_empty() { RunConfig::default() } else { job(without).unwrap() };
                    assert_eq!(taken(&config) == taken(&before), says_nothing && *field != "path", "{text}");
                }
                (Meaning::None(reason) | Meaning::Always(_, reason), Ok(config)) => {
                    let lines: Vec<&String> = config.left_out.iter().chain(&config.left_out_tasks).collect();
                    assert!(
                        lines.len() == 1 && lines[0].contains(field) && lines[0].ends_with(reason),
                        "{text}: {lines:?}"
                    );
                    assert!(lines[0].starts_with("line 1, column "), "{lines:?}");
                }
                (Meaning::Unsupported(reason), Err(faults)) => {
                    assert!(
                        faults.len() == 1 && faults[0].contains(field) && faults[0].ends_with(reason),
                        "{text}: {faults:?}"
                    );
                }
                (meaning, found) => panic!("{text} is {meaning:?}: {found:?}"),
            }
        }
    }
}

/// A configuration as Harbor itself writes it, with every default spelled out, asks for nothing that is not supported.
#[test]
fn the_defaults_of_the_installed_harbor_are_supported() {
    let dump = "
import json, sys
from harbor.models.job.config import JobConfig
print(JobConfig.model_validate(json.load(sys.stdin)).model_dump_json())
";
    let written = installed_harbor::ask(dump, &json!({ "tasks": [{ "path": "a" }], "datasets": [{ "path": "b" }] }));
    let faults = Faults::default();
    let config = read(&parsed("config.json", &written.to_string()), &faults);
    assert_eq!(faults.into_lines(), [""; 0]);
    assert_eq!(config.agents.len(), 1);
    assert_eq!(config.agents[0].agent, "oracle");
    assert_eq!((config.agents[0].n_trials, config.tasks.len(), &config.left_out_tasks), (1, 2, &Vec::new()));
}

#[test]
fn what_a_job_says_of_trials_is_taken() {
    let config = job("\
job_name: nightly
n_attempts: 3
timeout_multiplier: 1.5
environment_build_timeout_multiplier: 2
environment: {type: Docker, force_build: true, override_cpus: 0.5, override_memory_mb: 600, kwargs: {a: 1}}
verifier: {override_timeout_sec: 30, max_timeout_sec: 60.5, disable: false}
artifacts: [/a, {source: /b}]
agents:
  - name: codex
    model_name: openai/gpt-5.2
    kwargs: {effort: high}
    env: {A: b, HERE: '${CARGO_PKG_NAME}', ELSE: '${NOT_SET_ANYWHERE:-x}'}
    override_timeout_sec: 90
    mcp_servers: [{name: m, url: 'http://m'}]
  - import_path: my.module:Agent
datasets:
  - {path: tasks, task_names: ['a*'], exclude_task_names: [slow], n_tasks: 2}
  - {name: some-benchmark, version: '1.0'}
tasks:
  - path: one
  - {path: sub, git_url: 'https://example.com/x.git'}
")
    .unwrap();
    assert_eq!((config.experiment_id.as_deref(), config.environment.as_deref()), (Some("nightly"), Some("Docker")));
    let harbor = json!({
        "timeout_multiplier": 1.5, "environment_build_timeout_multiplier": 2, "artifacts": ["/a", {"source": "/b"}],
        "environment": {"force_build": true, "override_cpus": 0.5, "override_memory_mb": 600, "kwargs": {"a": 1}},
        "verifier": {"override_timeout_sec": 30, "max_timeout_sec": 60.5}
    });
    assert_eq!(Value::Object(config.harbor), harbor);
    let agents = json!([{
        "agent": "codex", "model": "openai/gpt-5.2", "n_trials": 3, "agent_kwargs": {"effort": "high"},
        "agent_env": {"A": "b", "ELSE": "x", "HERE": "oddish-cli"},
        "agent_config": {"override_timeout_sec": 90, "mcp_servers": [{"name": "m", "url": "http://m"}]}
    }, { "agent": "my.module:Agent", "n_trials": 3 }]);
    assert_eq!(serde_json::to_value(&config.agents).unwrap(), agents);
    let paths: Vec<_> = config.tasks.iter().map(|source| source.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["tasks", "one"]);
    let filter = &config.tasks[0].filter;
    assert_eq!((&filter.include[0], &filter.exclude[0], filter.first), (&"a*".to_owned(), &"slow".to_owned(), Some(2)));
    assert_eq!(
        config.left_out_tasks,
        [
            "line 18, column 6: datasets[1].name is left out: a dataset of a registry is not fetched: download it (`harbor download`, `git clone`) and give its path",
            "line 21, column 17: tasks[1].git_url is left out: a task of a repository is not fetched: download it (`harbor download`, `git clone`) and give its path",
        ]
    );
}

#[rstest]
#[case("agents: [{name: codex}]\nn_attempts: 1\n", "line 1, column 10: agents[0].model_name: Model is required")]
#[case("agents: [{name: codx, model_name: m}]\nquiet: true\n", "line 1, column 17: agents[0].name: unknown agent")]
#[case("n_attempts: 0\n", "line 1, column 13: n_attempts must be a whole number above 0, not 0")]
#[case(
    "timeout_multiplier: fast\n",
    "line 1, column 21: timeout_multiplier must be a number above 0, not the text \"fast\""
)]
#[case("schema_version: 2\n", "line 1, column 17: schema_version: only version 1 is known")]
#[case(
    "environment: docker\nn_attempts: 1\n",
    "line 1, column 14: environment must be a mapping, not the text \"docker\""
)]
#[case(
    "environment: {env: {A: b}}\n",
    "line 1, column 20: environment.env: it is not supported here: set it in the task's task.toml"
)]
#[case("datasets: [{}]\n", "line 1, column 12: datasets[0].path: it is missing: a dataset has a path or a name")]
#[case(
    "agents: [{import_path: 'a:B', env: {A: '${NOT_SET_ANYWHERE}'}}]\n",
    "agents[0].env: ${NOT_SET_ANYWHERE} has no value"
)]
#[case("agents: [{import_path: 'a:B', env: {A: 010}}]\n", "agents[0].env.A: it must be a text: put it in quotes")]
#[case(
    "agents: [{import_path: 'a:B', kwargs: {a: {b: [.inf]}}}]\n",
    "line 1, column 48: agents[0].kwargs.a.b[0]: .inf is no number that can be sent"
)]
fn faults_are_told_with_their_place(#[case] text: &str, #[case] told: &str) {
    let faults = job(text).map(|_| ()).unwrap_err();
    assert!(faults.len() == 1 && faults[0].contains(told), "{faults:?}");
}

#[test]
fn a_key_that_harbor_does_not_have_is_told() {
    let config = job("n_atempts: 3\njob_name: x\n").unwrap();
    assert_eq!(
        config.left_out,
        ["line 1, column 1: n_atempts is no key of Harbor's, and is ignored; did you mean `n_attempts`?"]
    );
}

#[rstest]
#[case("job_name: x\n", true)]
#[case("datasets: []\n", true)]
#[case("agents: [{name: nop}]\nenvironment: {type: docker}\n", true)]
#[case("agents: [{import_path: 'a:B'}]\n", true)]
#[case("agents: [{name: nop}]\n", false)]
#[case("agents: [{name: nop, n_trials: 2}]\nenvironment: docker\n", false)]
#[case("agents: [{name: nop, n_trials: 2, max_timeout_sec: 2}]\n", false)]
#[case("[]", false)]
fn a_job_is_recognised(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_job(&parsed("x.yaml", text)), expected);
}

use super::read;
use crate::commands::run::config::RunConfig;
use crate::config_file::{self, Faults};

fn sweep(text: &str) -> Result<RunConfig, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.yaml");
    std::fs::write(&path, text).unwrap();
    let node = config_file::read(&path)?;
    let faults = Faults::default();
    let config = read(&node, &faults);
    let lines = faults.into_lines();
    if lines.is_empty() { Ok(config) } else { Err(lines) }
}

fn faults(text: &str) -> Vec<String> {
    sweep(text).map(|_| ()).unwrap_err()
}

#[test]
fn every_fault_is_told_with_its_place() {
    let found = faults(
        "\
agents:
  - { name: oracle }
  - { name: codex, modle_name: gpt-5.2 }
  - { name: codex, model_name: gpt-5.2, n_trials: three }
  - { model_name: x }
  - { name: nop, n_trials: 0 }
  - nop
  - { name: nop, x-why: yes, env: { A: 1 } }
  - { name: nop, env: { NOT_SET_ANYWHERE: } }
  - { name: nop, agent_env: { A=s3cret: '' } }
  - { name: nop, secret_env: { A: true } }
  - { name: nop, kwargs: { size: 010 }, timeout_minutes: '5' }
env: {}
enviroment: docker
n_concurrent: 4
n_tasks: -1
priority: urgent
override_cpus: 0
task_names: 7
force_build: maybe
n_attempts: 3
max_attempts: 101
x-note: { free: 010, also: { n_trials: } }
",
    );
    let told = [
        "line 3, column 5: agents[1].model_name: Model is required for all agents except nop/oracle: give `codex` a model",
        "line 3, column 20: agents[1].modle_name: unknown key; did you mean `model_name`?",
        "line 4, column 51: agents[2].n_trials must be a whole number above 0, not the text \"three\"",
        "line 5, column 5: agents[3].name: it is missing: give a Harbor agent, or `module:Class` of your own",
        "line 6, column 28: agents[4].n_trials must be a whole number above 0, not 0",
        "line 7, column 5: agents[5] must be a mapping, not the text \"nop\"",
        "line 8, column 40: agents[6].env.A: it must be a text: put it in quotes",
        "line 9, column 23: agents[7].env: NOT_SET_ANYWHERE has no value, and none is set here: give NOT_SET_ANYWHERE=VALUE, or set it in this environment",
        "line 10, column 29: agents[8].agent_env: the name of an environment variable has letters, digits and underscores only, and begins with no digit",
        "line 11, column 35: agents[9].secret_env.A: it must be a text: put it in quotes",
        "line 12, column 34: agents[10].kwargs.size: 010 is read in different ways by different versions of YAML: write a number in plain digits (8, 1000, 1.5e+3), or put a text in quotes",
        "line 12, column 58: agents[10].timeout_minutes must be a number above 0, not the text \"5\"",
        "line 13, column 1: env: environment variables belong to an agent: put them into its entry",
        "line 14, column 1: enviroment: unknown key; did you mean `environment`?",
        "line 15, column 1: n_concurrent: concurrency is set at the server, for each model",
        "line 16, column 10: n_tasks must be a whole number above 0, not -1",
        "line 17, column 11: priority: it must be high or low",
        "line 18, column 16: override_cpus must be a number above 0, not 0",
        "line 19, column 13: task_names must be a list, not 7",
        "line 20, column 14: force_build must be true or false, not the text \"maybe\"",
        "line 21, column 1: n_attempts: unknown key; Harbor's job configurations have it, and this is none, since it has keys that only sweep files have",
        "line 22, column 15: max_attempts: it must be from 1 to 100",
    ];
    for (found, told) in found.iter().zip(told) {
        assert_eq!(found, told);
    }
    assert_eq!(found.len(), told.len(), "{found:#?}");
}

#[test]
fn a_file_needs_agents() {
    for (text, place) in [("{}", "column 1"), ("agents: []", "column 9"), ("agents:", "column 7")] {
        assert_eq!(faults(text), [format!("line 1, {place}: agents: it must be a list with at least one entry")]);
    }
    assert_eq!(faults("agents: {}"), ["line 1, column 9: agents must be a list, not a mapping"]);
    assert_eq!(faults("- 1"), ["line 1, column 1: the file must be a mapping, not a list"]);
    assert_eq!(faults(""), ["line 1, column 1: the file must be a mapping, not empty"]);
}

#[test]
fn the_example_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sweep.yaml");
    assert_eq!(sweep(&std::fs::read_to_string(path).unwrap()).unwrap().agents.len(), 2);
}

#[test]
fn old_and_new_names_of_keys_mean_the_same() {
    let config =
        sweep("agents: [{ name: nop, agent_kwargs: { a: 1 } }]\nenv_cpus: 2\noverride_memory_mb: 512\n").unwrap();
    let environment = serde_json::json!({ "override_cpus": 2, "override_memory_mb": 512 });
    assert_eq!(config.harbor["environment"], environment);
    assert_eq!(config.agents[0].agent_kwargs["a"], 1);
    assert_eq!(config.agents[0].n_trials, 1);
}

#[test]
fn a_text_may_look_like_a_date() {
    assert_eq!(
        sweep("agents: [{ name: nop }]\nexperiment_id: 2026-12-01\n").unwrap().experiment_id.unwrap(),
        "2026-12-01"
    );
}

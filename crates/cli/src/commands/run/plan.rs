//! What a `run` is going to do: its tasks and its sweep, from flags and sweep file. Flags win.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oddish_api_types::{SweepConfig, SweepRequest};
use oddish_domain::agent::check_agent;
use oddish_domain::environment::check_environment;
use oddish_domain::experiment::generate_experiment_name;
use serde_json::Value;

use super::args::RunArgs;
use super::config::{self, RunConfig};
use super::{agent_variables, harbor_job, sweep_file};
use crate::config_file::{self, Content, Faults};
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::submitter::submitter;
use crate::task_dirs::{Filter, Found, OddDir, Source, TaskDir, find, shown};

const DEFAULT_AGENT: &str = "claude-code";

/// The tasks of a run and the sweep for each; the sweep's `task_id` is still empty.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) tasks: Vec<TaskDir>,
    /// Directories that would be tasks, and cannot be.
    pub(crate) odd: Vec<OddDir>,
    pub(crate) sweep: SweepRequest,
}

impl Plan {
    /// Reads the configuration file, checks agents and environment, finds the tasks. Sends nothing.
    pub(crate) fn new(args: &RunArgs, printer: &Printer) -> Result<Self, Failure> {
        let mut file = args.config.as_deref().map(|path| read_config(path, printer)).transpose()?.unwrap_or_default();
        if let Some(path) = &args.config {
            tell_left_out(path, args, &file, printer);
        }
        let sources = sources(args, &mut file)?;
        if file.agents.is_empty() {
            let agent = single_config(args, file.default_agent.unwrap_or(DEFAULT_AGENT))?;
            file.agents.push(SweepConfig { n_trials: file.default_trials.unwrap_or(agent.n_trials), ..agent });
        }
        let Found { tasks, odd } = find(&sources, &filter(args, &file), args.task_names)?;
        Ok(Self { tasks, odd, sweep: sweep(args, file)? })
    }
}

/// Reads a sweep file or a job configuration of Harbor's; every fault in it is told.
pub(crate) fn read_config(path: &Path, printer: &Printer) -> Result<RunConfig, Failure> {
    let named = |lines: Vec<String>| lines.iter().map(|line| config::of(path, line)).collect();
    let node = config_file::read(path).map_err(|lines| Failure::all(named(lines)))?;
    let is_sweep = matches!(&node.content, Content::Mapping(entries) if entries.iter().any(|entry| sweep_file::is_own_key(&entry.key)));
    let faults = Faults::default();
    let config = if !is_sweep && harbor_job::is_job(&node) {
        printer.note(&format!("{} is a job configuration of Harbor's", shown(path)));
        harbor_job::read(&node, &faults)
    } else {
        sweep_file::read(&node, &faults)
    };
    let lines = faults.into_lines();
    if lines.is_empty() { Ok(config) } else { Err(Failure::all(named(lines))) }
}

/// Tells what the file asks for and does not get.
fn tell_left_out(path: &Path, args: &RunArgs, file: &RunConfig, printer: &Printer) {
    if !file.agents.is_empty() && (args.agent.is_some() || args.model.is_some()) {
        printer.warning(&format!("--agent and --model are ignored: the agents come from {}", shown(path)));
    }
    let names_tasks = !file.tasks.is_empty() || !file.left_out_tasks.is_empty();
    let mut lines: Vec<&str> = file.left_out.iter().map(String::as_str).collect();
    if given_paths(args).is_empty() {
        lines.extend(file.left_out_tasks.iter().map(String::as_str));
    }
    for line in lines {
        printer.warning(&config::of(path, line));
    }
    if names_tasks && !given_paths(args).is_empty() {
        printer.warning(&format!("the tasks in {} are ignored: they come from the command line", shown(path)));
    }
}

fn single_config(args: &RunArgs, default: &str) -> Result<SweepConfig, Failure> {
    let agent = args.agent.as_deref().unwrap_or(default);
    check_agent(agent, args.model.as_deref()).map_err(|error| {
        let failure = Failure::new(plain_text::line(&error.to_string()));
        if args.model.is_none() {
            failure.with_hint("give the model with --model, the agent with --agent")
        } else {
            failure
        }
    })?;
    Ok(SweepConfig { agent: agent.into(), model: args.model.clone(), n_trials: 1, ..SweepConfig::default() })
}

/// The paths of the command line.
fn given_paths(args: &RunArgs) -> Vec<&PathBuf> {
    if args.paths.is_empty() { args.path.iter().collect() } else { args.paths.iter().collect() }
}

fn sources(args: &RunArgs, file: &mut RunConfig) -> Result<Vec<Source>, Failure> {
    let given = given_paths(args);
    let sources: Vec<Source> =
        if given.is_empty() { std::mem::take(&mut file.tasks) } else { given.into_iter().map(Source::from).collect() };
    if sources.is_empty() {
        return Err(
            Failure::usage("no task given").with_hint("oddish run PATH, where PATH is a task directory or holds some")
        );
    }
    Ok(sources)
}

fn filter(args: &RunArgs, file: &RunConfig) -> Filter {
    let first = |flag: &[String], file: &[String]| if flag.is_empty() { file.to_vec() } else { flag.to_vec() };
    Filter {
        include: first(&args.task_name, &file.filter.include),
        exclude: first(&args.exclude_task_name, &file.filter.exclude),
        first: args.n_tasks.map(|number| number as usize).or(file.filter.first),
    }
}

fn sweep(args: &RunArgs, mut file: RunConfig) -> Result<SweepRequest, Failure> {
    let environment = args.env.as_ref().or(file.environment.as_ref()).map(|name| check_environment(name)).transpose();
    let environment = environment.map_err(|error| Failure::new(plain_text::line(&error.to_string())))?;
    set_harbor(args, &mut file);
    let plain = variables("--agent-env", &args.agent_env)?;
    let secret = variables("--secret-agent-env", &args.secret_agent_env)?;
    let mut configs = file.agents;
    for config in &mut configs {
        config.n_trials = args.n_trials.unwrap_or(config.n_trials);
        config.timeout_minutes = args.timeout_minutes.or(config.timeout_minutes);
        if let (Some(settings), Some(_)) = (&mut config.agent_config, args.timeout_minutes) {
            // Seconds would win over minutes.
            settings.remove("override_timeout_sec");
        }
        let kwargs = args.agent_kwarg.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
        config.agent_kwargs.extend(kwargs);
        for (name, value) in &plain {
            // What the file says to be secret stays so, whoever gives its value.
            let secrets = &mut config.secret_agent_env;
            let place = if secrets.contains_key(name) { secrets } else { &mut config.agent_env };
            place.insert(name.clone(), value.clone());
        }
        config.secret_agent_env.extend(secret.clone());
    }
    Ok(SweepRequest {
        configs,
        user: args.user.clone().unwrap_or_else(|| submitter().0),
        priority: args.priority.or(file.priority).unwrap_or_default(),
        experiment_id: Some(args.experiment.clone().or(file.experiment_id).unwrap_or_else(generate_experiment_name)),
        tags: args.github_meta.iter().map(|meta| ("github_meta".to_owned(), meta.clone())).collect(),
        timeout_minutes: args.timeout_minutes.or(file.timeout_minutes),
        environment: environment.map(String::from),
        max_attempts: args.max_attempts.or(file.max_attempts),
        github_username: args.github_user.clone(),
        harbor: (!file.harbor.is_empty()).then_some(file.harbor),
        ..SweepRequest::default()
    })
}

/// The variables that a flag gives.
fn variables(flag: &str, given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    agent_variables::resolve(given.iter().map(|text| agent_variables::parse(text)), agent_variables::here)
        .map_err(|fault| Failure::usage(format!("{flag}: {fault}")))
}

/// Sets what flags say over what the file says, in the nested form (docs/compatibility.md, 3.8).
fn set_harbor(args: &RunArgs, file: &mut RunConfig) {
    let numbers = [
        ("override_cpus", args.override_cpus),
        ("override_memory_mb", args.override_memory_mb),
        ("override_gpus", args.override_gpus),
        ("override_storage_mb", args.override_storage_mb),
    ];
    for (key, number) in numbers {
        if let Some(number) = number {
            file.set_harbor("environment", key, number);
        }
    }
    if args.force_build {
        file.set_harbor("environment", "force_build", true);
    }
    if args.disable_verification {
        file.set_harbor("verifier", "disable", true);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::Plan;
    use crate::args::{Cli, Command};
    use crate::printer::Printer;

    fn sweep(arguments: &[&str], file: Option<&str>) -> Value {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("task.toml"), "").unwrap();
        let mut line = vec!["oddish", "run", folder.path().to_str().unwrap(), "--user", "me", "-E", "flag-name"];
        line.extend(arguments);
        let config = folder.path().join("sweep.yaml");
        if let Some(text) = file {
            std::fs::write(&config, text).unwrap();
            line.extend(["-c", config.to_str().unwrap()]);
        }
        let Command::Run(args) = Cli::try_parse_from(line).unwrap().command else { panic!("not a run") };
        serde_json::to_value(Plan::new(&args, &Printer::new(true)).unwrap().sweep).unwrap()
    }

    #[test]
    fn flags_alone() {
        let found = sweep(
            &[
                "-a",
                "codex",
                "-m",
                "gpt-5.2",
                "--n-trials",
                "3",
                "--ak",
                "effort=high",
                "--ae",
                "LEVEL= a=$b ",
                "--secret-agent-env",
                "CODE_WORD=${hush} ",
                "--agent-env",
                "CARGO_PKG_NAME",
                "--env-cpus",
                "2",
                "--disable-verification",
                "--force-build",
                "-P",
                "high",
                "-G",
                "octo",
                "--github-meta",
                r#"{"pr":"1"}"#,
            ],
            None,
        );
        assert_eq!(
            found,
            json!({
                "task_id": "",
                "configs": [{
                    "agent": "codex", "model": "gpt-5.2", "n_trials": 3, "agent_kwargs": { "effort": "high" },
                    "agent_env": { "CARGO_PKG_NAME": "oddish-cli", "LEVEL": " a=$b " },
                    "secret_agent_env": { "CODE_WORD": "${hush} " }
                }],
                "user": "me",
                "priority": "high",
                "experiment_id": "flag-name",
                "tags": { "github_meta": r#"{"pr":"1"}"# },
                "run_analysis": false,
                "github_username": "octo",
                "harbor": {
                    "environment": { "override_cpus": 2, "force_build": true },
                    "verifier": { "disable": true }
                }
            })
        );
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = "\
agents:
  - {name: oracle, n_trials: 2}
  - {name: codex, model_name: gpt-5.2, timeout_minutes: 5, kwargs: {effort: low, keep: 1}, env: {LEVEL: low, KEEP: '1', CARGO_PKG_NAME: }, secret_env: {LEVEL: ' x ', CODE_WORD: hush}}
environment: modal
max_attempts: 2
x-note: {anything: at all}
priority: high
experiment_id: file-name
timeout_minutes: 9
override_cpus: 8
override_gpus: 1
";
        let kept = sweep(&[], Some(file));
        assert_eq!(
            (&kept["environment"], &kept["priority"], &kept["timeout_minutes"]),
            (&json!("modal"), &json!("high"), &json!(9.0))
        );
        assert_eq!(kept["configs"][1]["timeout_minutes"], 5.0);
        assert_eq!(kept["configs"][1]["secret_agent_env"], json!({ "LEVEL": " x ", "CODE_WORD": "hush" }));

        let flags = [
            "--ae",
            "LEVEL=high",
            "-e",
            "Docker",
            "-P",
            "low",
            "--timeout-minutes",
            "1",
            "--override-cpus",
            "2",
            "--ak",
            "effort=high",
            "--n-trials",
            "7",
            "--max-attempts",
            "5",
        ];
        let won = sweep(&flags, Some(file));
        assert_eq!(
            (&won["environment"], &won["priority"], &won["timeout_minutes"]),
            (&json!("docker"), &json!("low"), &json!(1.0))
        );
        assert_eq!((&kept["max_attempts"], &won["max_attempts"]), (&json!(2), &json!(5)));
        assert_eq!(won["experiment_id"], "flag-name");
        assert_eq!(won["harbor"]["environment"], json!({ "override_cpus": 2, "override_gpus": 1 }));
        let codex = json!({
            "agent": "codex", "model": "gpt-5.2", "n_trials": 7, "timeout_minutes": 1.0,
            "agent_kwargs": { "effort": "high", "keep": 1 },
            "agent_env": { "CARGO_PKG_NAME": "oddish-cli", "KEEP": "1", "LEVEL": "low" },
            "secret_agent_env": { "CODE_WORD": "hush", "LEVEL": "high" }
        });
        assert_eq!(won["configs"][1], codex);
        assert_eq!(won["configs"][0]["n_trials"], 7);
    }
}

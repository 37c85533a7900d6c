//! The sweep file: agents and settings that a command line is too short for (docs/compatibility.md, 2.3).
//!
//! A key that nothing reads is a fault here: a misspelt one would otherwise run hundreds of trials with a default. Keys that begin with
//! `x-` are their author's own.

use std::collections::BTreeMap;

use oddish_api_types::SweepConfig;
use oddish_domain::retry::MAX_ATTEMPTS_HIGHEST;
use serde_json::Value;

use super::config::{RunConfig, check_agent_of};
use super::{agent_variables, harbor_job};
use crate::config_file::{Content, Faults, Fields, Node};
use crate::task_dirs::Filter;

const TOP_KEYS: &[&str] = &[
    "agents",
    "path",
    "environment",
    "priority",
    "experiment_id",
    "task_names",
    "exclude_task_names",
    "n_tasks",
    "max_attempts",
    "timeout_minutes",
    "disable_verification",
    "force_build",
    "override_cpus",
    "override_memory_mb",
    "override_gpus",
    "override_storage_mb",
    "env_cpus",
    "env_memory_mb",
    "env_gpus",
    "env_storage_mb",
];
const AGENT_KEYS: &[&str] =
    &["name", "model_name", "n_trials", "env", "agent_env", "secret_env", "kwargs", "agent_kwargs", "timeout_minutes"];
/// Known keys whose meaning this version doesn't have, with what to do.
const ABSENT_KEYS: &[(&str, &str)] = &[
    ("dataset", "registry datasets are not supported by this version: give a path"),
    ("run_analysis", "analysis is not supported by this version: remove it"),
    ("env", "environment variables belong to an agent: put them into its entry"),
    ("agent_env", "environment variables belong to an agent: put them into its entry"),
    ("secret_env", "environment variables belong to an agent: put them into its entry"),
    ("n_concurrent", "concurrency is set at the server, for each model"),
    ("concurrency", "concurrency is set at the server, for each model"),
];

const NO_AGENT: &str = "it must be a list with at least one entry";

/// Whether a key of the file is one that only sweep files have.
pub(crate) fn is_own_key(key: &str) -> bool {
    TOP_KEYS.contains(&key) && !["agents", "environment"].contains(&key)
}

/// Reads the settings of a sweep file.
pub(crate) fn read(node: &Node, faults: &Faults) -> RunConfig {
    let Some(top) = Fields::of(node, "", faults) else { return RunConfig::default() };
    top.refuse_unknown(TOP_KEYS, |key| absent(key).or_else(|| harbors(key)));
    let mut config = RunConfig {
        tasks: top.text("path").map(|path| path.as_str().into()).into_iter().collect(),
        filter: Filter {
            include: top.texts("task_names"),
            exclude: top.texts("exclude_task_names"),
            first: top.whole_number("n_tasks", 1).map(|number| number as usize),
        },
        environment: top.text("environment"),
        experiment_id: top.text("experiment_id"),
        timeout_minutes: top.positive("timeout_minutes").and_then(|minutes| minutes.as_f64()),
        max_attempts: top.whole_number("max_attempts", 1),
        ..RunConfig::default()
    };
    if config.max_attempts.is_some_and(|attempts| attempts > MAX_ATTEMPTS_HIGHEST) {
        top.fault("max_attempts", &format!("it must be from 1 to {MAX_ATTEMPTS_HIGHEST}"));
    }
    if let Some(priority) = top.text("priority") {
        config.priority = serde_json::from_value(Value::String(priority)).ok();
        if config.priority.is_none() {
            top.fault("priority", "it must be high or low");
        }
    }
    if top.flag("disable_verification") == Some(true) {
        config.set_harbor("verifier", "disable", true);
    }
    if top.flag("force_build") == Some(true) {
        config.set_harbor("environment", "force_build", true);
    }
    if let Some(cpus) = ["override_cpus", "env_cpus"].iter().find_map(|key| top.positive(key)) {
        config.set_harbor("environment", "override_cpus", cpus);
    }
    for (key, old, least) in [
        ("override_memory_mb", "env_memory_mb", 1),
        ("override_gpus", "env_gpus", 0),
        ("override_storage_mb", "env_storage_mb", 1),
    ] {
        if let Some(number) = top.whole_number(key, least).or_else(|| top.whole_number(old, least)) {
            config.set_harbor("environment", key, number);
        }
    }
    match top.get("agents").map(|agents| &agents.content) {
        None => top.fault("agents", NO_AGENT),
        Some(Content::List(entries)) if entries.is_empty() => top.fault("agents", NO_AGENT),
        Some(_) => config.agents = top.sections("agents").iter().filter_map(agent).collect(),
    }
    config
}

fn absent(key: &str) -> Option<String> {
    ABSENT_KEYS.iter().find(|(absent, _)| *absent == key).map(|(_, advice)| (*advice).to_owned())
}

fn harbors(key: &str) -> Option<String> {
    harbor_job::is_own_key(key).then(|| {
        "unknown key; Harbor's job configurations have it, and this is none, since it has keys that only sweep files have"
            .to_owned()
    })
}

fn agent(entry: &Fields<'_>) -> Option<SweepConfig> {
    entry.refuse_unknown(AGENT_KEYS, |_| None);
    let name = entry.text("name");
    if name.is_none() && entry.get("name").is_none() {
        entry.fault("name", "it is missing: give a Harbor agent, or `module:Class` of your own");
    }
    let name = name?;
    let model = entry.text("model_name");
    if entry.get("model_name").is_none() || model.is_some() {
        check_agent_of(entry, "name", &name, model.as_deref());
    }
    let mut agent_kwargs = entry.object("agent_kwargs");
    agent_kwargs.extend(entry.object("kwargs"));
    let mut agent_env = variables(entry, "agent_env");
    agent_env.extend(variables(entry, "env"));
    Some(SweepConfig {
        agent: name,
        model,
        n_trials: entry.whole_number("n_trials", 1).unwrap_or(1),
        timeout_minutes: entry.positive("timeout_minutes").and_then(|minutes| minutes.as_f64()),
        agent_kwargs,
        agent_env,
        secret_agent_env: variables(entry, "secret_env"),
        ..SweepConfig::default()
    })
}

/// The environment variables of an entry; one that is null takes its value from the environment of this process.
fn variables(entry: &Fields<'_>, key: &str) -> BTreeMap<String, String> {
    agent_variables::resolve(entry.variables(key), agent_variables::here).unwrap_or_else(|fault| {
        entry.fault(key, &fault);
        BTreeMap::new()
    })
}

#[cfg(test)]
mod tests;

//! Harbor's job configuration (`harbor run -c job.yaml`), given where a sweep file can be.
//!
//! What it says about trials is taken. What says how Harbor itself would run the job has no meaning here, and is named. What would
//! change what a trial does, and cannot be done, refuses the run: a result under other conditions than those asked for would be wrong.

mod agents;
mod known;
mod tasks;

use oddish_domain::agent::ORACLE;
use serde_json::Value;

use self::known::{AGENT, ENVIRONMENT, JOB, VERIFIER};
use super::config::RunConfig;
use crate::config_file::{Content, Faults, Fields, Node};

/// The multipliers of time-outs, as a job and a submission call them.
const MULTIPLIERS: [&str; 5] = [
    "timeout_multiplier",
    "agent_timeout_multiplier",
    "verifier_timeout_multiplier",
    "agent_setup_timeout_multiplier",
    "environment_build_timeout_multiplier",
];

/// Whether a key is one of a job configuration, and of no sweep file.
pub(crate) fn is_own_key(key: &str) -> bool {
    key != "agents" && key != "environment" && known::find(JOB, key).is_some()
}

/// Whether a file is a job configuration: it has a key that only these have, or a section or an agent as only these have them.
pub(crate) fn is_job(node: &Node) -> bool {
    let Content::Mapping(entries) = &node.content else { return false };
    entries.iter().any(|entry| match (entry.key.as_str(), &entry.value.content) {
        ("environment", Content::Mapping(_)) => true,
        ("agents", Content::List(agents)) => agents.iter().any(|agent| match &agent.content {
            Content::Mapping(keys) => {
                !keys.iter().any(|key| key.key == "n_trials") && keys.iter().any(|key| agents::is_own_key(&key.key))
            }
            _ => false,
        }),
        (key, _) => is_own_key(key),
    })
}

/// Reads a job configuration.
pub(crate) fn read(node: &Node, faults: &Faults) -> RunConfig {
    // Harbor's own, where a job names none.
    let mut config = RunConfig { default_agent: Some(ORACLE), ..RunConfig::default() };
    let Some(job) = Fields::of(node, "", faults) else { return config };
    config.left_out.extend(known::left_out(&job, JOB));
    if job.whole_number("schema_version", 1).is_some_and(|version| version != 1) {
        job.fault("schema_version", "only version 1 is known");
    }
    config.experiment_id = job.text("job_name");
    for key in MULTIPLIERS {
        if let Some(multiplier) = job.positive(key) {
            config.harbor.insert(key.to_owned(), multiplier.into());
        }
    }
    if let Some(environment) = job.section("environment") {
        config.left_out.extend(known::left_out(&environment, ENVIRONMENT));
        self::environment(&environment, &mut config);
    }
    if let Some(verifier) = job.section("verifier") {
        config.left_out.extend(known::left_out(&verifier, VERIFIER));
        if verifier.flag("disable") == Some(true) {
            config.set_harbor("verifier", "disable", true);
        }
        for key in ["override_timeout_sec", "max_timeout_sec"] {
            if let Some(seconds) = verifier.positive(key) {
                config.set_harbor("verifier", key, seconds);
            }
        }
    }
    let artifacts = job.values("artifacts");
    if !artifacts.is_empty() {
        config.harbor.insert("artifacts".to_owned(), Value::Array(artifacts));
    }
    config.default_trials = job.whole_number("n_attempts", 1);
    let trials = config.default_trials.unwrap_or(1);
    for agent in job.sections("agents") {
        config.left_out.extend(known::left_out(&agent, AGENT));
        config.agents.push(agents::read(&agent, trials));
    }
    tasks::read(&job, &mut config);
    config
}

fn environment(section: &Fields<'_>, config: &mut RunConfig) {
    config.environment = section.text("type");
    if section.flag("force_build") == Some(true) {
        config.set_harbor("environment", "force_build", true);
    }
    if let Some(cpus) = section.positive("override_cpus") {
        config.set_harbor("environment", "override_cpus", cpus);
    }
    for (key, least) in [("override_memory_mb", 1), ("override_storage_mb", 1), ("override_gpus", 0)] {
        if let Some(number) = section.whole_number(key, least) {
            config.set_harbor("environment", key, number);
        }
    }
    let kwargs = section.object("kwargs");
    if !kwargs.is_empty() {
        config.set_harbor("environment", "kwargs", kwargs);
    }
}

#[cfg(test)]
mod tests;

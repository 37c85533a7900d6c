//! The configuration of a trial as Harbor reads it (its `TrialConfig`).

use std::collections::BTreeMap;

use oddish_db::attempts::Assignment;
use oddish_domain::agent::{NOP, ORACLE};
use oddish_domain::agent_env::{AgentEnv, is_reference};
use oddish_domain::harbor_settings::HarborSettings;
use serde_json::{Map, Value, json};

use crate::attempt::Scratch;

/// What is added to the Docker Compose file of every sandbox: Harbor's main service is a shell that ignores SIGTERM, and
/// stopping it would take Docker's ten seconds. `init` reaps what agents leave behind. Everything else stays as the
/// task's own file has it.
pub const COMPOSE_OVERLAY: &str = "services:\n  main:\n    init: true\n    stop_grace_period: 0s\n";

const DOCKER: &str = "docker";

/// The stored Harbor settings of a trial are not what this version stores.
#[derive(Debug, thiserror::Error)]
#[error("the trial's stored Harbor settings cannot be read; submit it again")]
pub struct UnreadableSettings {
    source: serde_json::Error,
}

/// The Harbor settings of an assignment.
pub fn harbor_settings(assignment: &Assignment) -> Result<HarborSettings, UnreadableSettings> {
    serde_json::from_value(assignment.harbor.clone()).map_err(|source| UnreadableSettings { source })
}

/// The model that Harbor is told. `nop` and `oracle` have none: what is stored for them is only a word for "none", and Harbor would
/// load seconds' worth of model libraries for it.
fn model_name(assignment: &Assignment) -> Option<&str> {
    assignment.model.as_deref().filter(|_| ![NOP, ORACLE].contains(&assignment.agent.as_str()))
}

/// A value as Harbor takes it for itself. It would put a variable of its own process in the place of a reference; so a value that looks
/// like one is written as the default of a reference to a variable that Harbor never has, since it gets none of our settings.
fn literal(value: &str) -> String {
    if is_reference(value) { format!("${{ODDISH_LITERAL:-{value}}}") } else { value.to_owned() }
}

/// The `TrialConfig` of an attempt. `default_agent_timeout_sec` overrides the agent's time-out where the submission does
/// not; none leaves it to the task. `agent_env` is in clear: what is made of this is as secret.
pub fn trial_config(
    assignment: &Assignment,
    settings: &HarborSettings,
    agent_env: &AgentEnv,
    default_agent_timeout_sec: Option<f64>,
    scratch: &Scratch,
) -> Value {
    let is_docker = assignment.environment == DOCKER;
    let mut environment_kwargs = settings.environment_kwargs.clone();
    if is_docker {
        // The agent's logs then grow in the trial's folder while it runs, where Harbor would copy them at the end.
        environment_kwargs.entry("auto_mounting").or_insert(Value::Bool(true));
    }
    let overlays: &[_] = if is_docker { &[scratch.compose_overlay()] } else { &[] };
    let multipliers = &settings.timeout_multipliers;
    let agent_key = if assignment.agent.contains(':') { "import_path" } else { "name" };
    let config = json!({
        "task": {"path": scratch.task(&assignment.task_name)},
        "trial_name": scratch.trial_name(),
        "trials_dir": scratch.trials(),
        "agent": {
            agent_key: assignment.agent,
            "model_name": model_name(assignment),
            "override_timeout_sec": assignment.agent_timeout_sec.or(default_agent_timeout_sec),
            "override_setup_timeout_sec": settings.agent_setup_timeout_sec,
            "max_timeout_sec": settings.agent_max_timeout_sec,
            "kwargs": settings.agent_kwargs,
            "env": agent_env.iter().map(|(name, value)| (name, literal(value))).collect::<BTreeMap<_, _>>(),
            "mcp_servers": settings.mcp_servers,
        },
        "environment": {
            "type": assignment.environment,
            "force_build": settings.force_build,
            "delete": true,
            "override_cpus": settings.override_cpus,
            "override_memory_mb": settings.override_memory_mb,
            "override_storage_mb": settings.override_storage_mb,
            "override_gpus": settings.override_gpus,
            "extra_docker_compose": overlays,
            "kwargs": environment_kwargs,
        },
        "verifier": {
            "override_timeout_sec": settings.verifier_timeout_sec,
            "max_timeout_sec": settings.verifier_max_timeout_sec,
            "disable": settings.disable_verification,
        },
        "artifacts": settings.artifacts,
        "timeout_multiplier": multipliers.all,
        "agent_timeout_multiplier": multipliers.agent,
        "verifier_timeout_multiplier": multipliers.verifier,
        "agent_setup_timeout_multiplier": multipliers.agent_setup,
        "environment_build_timeout_multiplier": multipliers.environment_build,
    });
    without_nulls(config)
}

/// Leaves the absent settings to Harbor's own defaults.
fn without_nulls(config: Value) -> Value {
    let Value::Object(sections) = config else { return config };
    let filled = |fields: Map<String, Value>| fields.into_iter().filter(|(_, value)| !value.is_null());
    let sections = filled(sections).map(|(key, section)| match section {
        Value::Object(fields) => (key, Value::Object(filled(fields).collect())),
        other => (key, other),
    });
    Value::Object(sections.collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use oddish_db::AttemptRef;
    use oddish_domain::status::JobKind;

    use super::*;

    fn agent_config(agent: &str, model: &str, agent_env: &AgentEnv) -> Value {
        let assignment = Assignment {
            attempt: AttemptRef {
                kind: JobKind::Trial,
                subject: "t-0".to_owned(),
                number: 1,
                token: uuid::Uuid::nil(),
            },
            queue_key: "default".to_owned(),
            task_id: "t".to_owned(),
            task_name: "t".to_owned(),
            task_version: 1,
            archive_key: String::new(),
            archive_sha256: String::new(),
            agent: agent.to_owned(),
            model: Some(model.to_owned()),
            environment: DOCKER.to_owned(),
            agent_timeout_sec: None,
            harbor: json!({}),
        };
        let scratch = Scratch::new(Path::new("/jobs"), "t-0", 1);
        trial_config(&assignment, &HarborSettings::default(), agent_env, None, &scratch)["agent"].clone()
    }

    fn model_of(agent: &str, model: &str) -> Value {
        agent_config(agent, model, &AgentEnv::default())["model_name"].clone()
    }

    #[test]
    fn only_agents_that_drive_a_model_are_told_one() {
        assert_eq!(model_of("oracle", "default"), Value::Null);
        assert_eq!(model_of("nop", "default"), Value::Null);
        assert_eq!(model_of("claude-code", "default"), "default");
        for model in ["azure/My-GPT4-Deployment", " a  b--c/ "] {
            assert_eq!(model_of("my.agents:Mine", model), model);
        }
    }

    #[test]
    fn nothing_in_a_variable_refers_to_harbors_own() {
        let values = [
            ("A", " two  words\n"),
            ("B", "$HOME ${HOME} $$"),
            ("C", "${HOME}"),
            ("D", "${HOME:-/root}"),
            ("E", "${A:-\n}"),
        ];
        let mut env = AgentEnv::default();
        for (name, value) in values {
            env.set(name, value).unwrap();
        }
        let told = json!({
            "A": " two  words\n", "B": "$HOME ${HOME} $$", "C": "${ODDISH_LITERAL:-${HOME}}",
            "D": "${ODDISH_LITERAL:-${HOME:-/root}}", "E": "${A:-\n}"
        });
        assert_eq!(agent_config("oracle", "default", &env)["env"], told);
    }
}

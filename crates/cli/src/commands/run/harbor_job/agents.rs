//! The agents of a job.

use std::collections::BTreeMap;

use oddish_api_types::SweepConfig;
use oddish_domain::agent::{KNOWN_AGENTS, ORACLE};
use oddish_domain::agent_env::reference;
use serde_json::{Map, Value};

use super::known::{self, AGENT};
use crate::commands::run::agent_variables;
use crate::commands::run::config::check_agent_of;
use crate::config_file::Fields;

/// Whether an agent of a sweep file cannot have this key.
pub(super) fn is_own_key(key: &str) -> bool {
    known::find(AGENT, key).is_some() && !["name", "model_name", "kwargs", "env"].contains(&key)
}

/// Reads an agent, of which each task gets `n_trials` trials.
pub(super) fn read(agent: &Fields<'_>, n_trials: u32) -> SweepConfig {
    let (name, class) = (agent.text("name"), agent.text("import_path"));
    // As Harbor chooses: a name of its own before a class, and its oracle where there is neither.
    let (key, chosen) = match (name, class) {
        (Some(name), Some(_)) if KNOWN_AGENTS.contains(&name.as_str()) => ("name", name),
        (_, Some(class)) => ("import_path", class),
        (Some(name), None) => ("name", name),
        (None, None) => ("name", ORACLE.to_owned()),
    };
    let model = agent.text("model_name");
    check_agent_of(agent, key, &chosen, model.as_deref());
    let mut settings = Map::new();
    for key in ["override_timeout_sec", "override_setup_timeout_sec", "max_timeout_sec"] {
        if let Some(seconds) = agent.positive(key) {
            settings.insert(key.to_owned(), seconds.into());
        }
    }
    let servers = agent.values("mcp_servers");
    if !servers.is_empty() {
        settings.insert("mcp_servers".to_owned(), Value::Array(servers));
    }
    SweepConfig {
        agent: chosen,
        model,
        n_trials,
        agent_kwargs: agent.object("kwargs"),
        agent_env: variables(agent),
        agent_config: (!settings.is_empty()).then_some(settings),
        ..SweepConfig::default()
    }
}

/// The agent's environment variables. A value `${NAME}` or `${NAME:-default}` is that of this process, as Harbor takes it from its own.
fn variables(agent: &Fields<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in agent.variables("env") {
        let given = match value.as_deref().map(reference) {
            Some(Some((other, default))) => match taken_from_here(other, default) {
                Ok(value) => (name, Some(value)),
                Err(fault) => {
                    agent.fault("env", &fault);
                    continue;
                }
            },
            _ => (name, value),
        };
        match agent_variables::resolve([given], agent_variables::here) {
            Ok(resolved) => variables.extend(resolved),
            Err(fault) => agent.fault("env", &fault),
        }
    }
    variables
}

fn taken_from_here(name: &str, default: Option<&str>) -> Result<String, String> {
    match agent_variables::here(name) {
        None => default.map(str::to_owned).ok_or_else(|| {
            format!("${{{name}}} has no value, since {name} is not set here: set it in this environment")
        }),
        Some(value) => value
            .into_string()
            .map_err(|_| format!("{name} is set here to something that is not UTF-8, which cannot be sent")),
    }
}

//! The sweep file: agents and settings that a command line is too short for (contract 2.3).
//!
//! A key that nothing reads is a fault here: a misspelt one would otherwise run hundreds of trials with a default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oddish_api_types::{Priority, SweepConfig};
use oddish_domain::agent::check_agent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::agent_variables;
use crate::plain_text;
use crate::printer::Failure;
use crate::task_dirs::shown;

const TOP_KEYS: &[&str] = &[
    "agents",
    "path",
    "environment",
    "priority",
    "experiment_id",
    "task_names",
    "exclude_task_names",
    "n_tasks",
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

/// A sweep file's settings; each is absent where the file doesn't have it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SweepFile {
    #[serde(skip)]
    pub(crate) agents: Vec<SweepConfig>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) environment: Option<String>,
    pub(crate) priority: Option<Priority>,
    pub(crate) experiment_id: Option<String>,
    pub(crate) task_names: Vec<String>,
    pub(crate) exclude_task_names: Vec<String>,
    pub(crate) n_tasks: Option<std::num::NonZeroU32>,
    pub(crate) timeout_minutes: Option<f64>,
    pub(crate) disable_verification: Option<bool>,
    pub(crate) force_build: Option<bool>,
    #[serde(alias = "env_cpus")]
    pub(crate) override_cpus: Option<u32>,
    #[serde(alias = "env_memory_mb")]
    pub(crate) override_memory_mb: Option<u32>,
    #[serde(alias = "env_gpus")]
    pub(crate) override_gpus: Option<u32>,
    #[serde(alias = "env_storage_mb")]
    pub(crate) override_storage_mb: Option<u32>,
}

/// One entry of `agents`.
#[derive(Debug, Deserialize)]
struct AgentEntry {
    name: String,
    #[serde(default)]
    model_name: Option<String>,
    #[serde(default = "one")]
    n_trials: std::num::NonZeroU32,
    #[serde(default, alias = "agent_kwargs")]
    kwargs: Map<String, Value>,
    #[serde(default)]
    timeout_minutes: Option<f64>,
    /// A variable that is null takes its value from the environment of this process.
    #[serde(default, alias = "agent_env")]
    env: Map<String, Value>,
    /// Those whose values are secret, whatever they are called.
    #[serde(default)]
    secret_env: Map<String, Value>,
}

fn one() -> std::num::NonZeroU32 {
    std::num::NonZeroU32::MIN
}

impl SweepFile {
    /// Reads and checks a file; every fault in it is told, each with the file and the entry.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("cannot read the sweep file {}: {error}", shown(path))))?;
        let value = parse(path, &text).map_err(|fault| Failure::new(format!("{}: {fault}", shown(path))))?;
        Self::from_value(value)
            .map_err(|faults| Failure::all(faults.iter().map(|fault| format!("{}: {fault}", shown(path))).collect()))
    }

    fn from_value(value: Value) -> Result<Self, Vec<String>> {
        let Value::Object(mut top) = value else {
            return Err(vec!["the file must be a mapping with a list `agents`".into()]);
        };
        let mut faults = unknown_keys("", &top, TOP_KEYS);
        let agents = top.remove("agents");
        let mut file: Self = typed("", Value::Object(top)).unwrap_or_else(|fault| {
            faults.push(fault);
            Self::default()
        });
        if file.timeout_minutes.is_some_and(|minutes| !is_positive(minutes)) {
            faults.push("timeout_minutes: it must be a number above 0".into());
        }
        match agents {
            Some(Value::Array(entries)) if !entries.is_empty() => {
                for (index, entry) in entries.into_iter().enumerate() {
                    match agent(&format!("agents[{index}]"), entry) {
                        Ok(config) => file.agents.push(config),
                        Err(found) => faults.extend(found),
                    }
                }
            }
            _ => faults.push("agents: it must be a list with at least one entry".into()),
        }
        if faults.is_empty() { Ok(file) } else { Err(faults) }
    }
}

fn agent(place: &str, entry: Value) -> Result<SweepConfig, Vec<String>> {
    let Value::Object(keys) = &entry else {
        return Err(vec![format!("{place}: it must be a mapping with a `name`")]);
    };
    let mut faults = unknown_keys(place, keys, AGENT_KEYS);
    let entry: AgentEntry = match typed(place, entry) {
        Ok(entry) => entry,
        Err(fault) => {
            faults.push(fault);
            return Err(faults);
        }
    };
    if let Err(error) = check_agent(&entry.name, entry.model_name.as_deref()) {
        let key = if error.is_of_model() { "model_name" } else { "name" };
        faults.push(format!("{place}.{key}: {}", plain_text::line(&error.to_string())));
    }
    if entry.timeout_minutes.is_some_and(|minutes| !is_positive(minutes)) {
        faults.push(format!("{place}.timeout_minutes: it must be a number above 0"));
    }
    let mut read = |key: &str, given: &Map<String, Value>| {
        variables(given).unwrap_or_else(|fault| {
            faults.push(format!("{place}.{key}: {fault}"));
            BTreeMap::new()
        })
    };
    let (agent_env, secret_agent_env) = (read("env", &entry.env), read("secret_env", &entry.secret_env));
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(SweepConfig {
        agent: entry.name,
        model: entry.model_name,
        n_trials: entry.n_trials.get(),
        timeout_minutes: entry.timeout_minutes,
        agent_kwargs: entry.kwargs,
        agent_env,
        secret_agent_env,
        ..SweepConfig::default()
    })
}

fn variables(entry: &Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let given = entry.iter().map(|(name, value)| match value {
        Value::Null => Ok((name.clone(), None)),
        Value::String(text) => Ok((name.clone(), Some(text.clone()))),
        _ => Err(format!("{}: it must be a text: put it in quotes", plain_text::short_line(name, 80))),
    });
    agent_variables::resolve(given.collect::<Result<Vec<_>, _>>()?, agent_variables::here)
}

fn is_positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

fn parse(path: &Path, text: &str) -> Result<Value, String> {
    let yaml = || serde_saphyr::from_str(text).map_err(|error| plain_text::line(&error.to_string()));
    let json = || serde_json::from_str(text).map_err(|error| plain_text::line(&error.to_string()));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => json(),
        Some("yaml" | "yml") => yaml(),
        _ => yaml().or_else(|fault| json().map_err(|_| fault)),
    }
}

fn typed<T: DeserializeOwned>(place: &str, value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let whole =
            [place, &inner].into_iter().filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join(".");
        let separator = if whole.is_empty() { "" } else { ": " };
        format!("{}{separator}{}", plain_text::line(&whole), plain_text::short_line(&error.inner().to_string(), 300))
    })
}

fn unknown_keys(place: &str, keys: &Map<String, Value>, known: &[&str]) -> Vec<String> {
    let prefix = if place.is_empty() { String::new() } else { format!("{place}.") };
    keys.keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| {
            if let Some((_, advice)) = ABSENT_KEYS.iter().find(|(absent, _)| absent == key) {
                return format!("{prefix}{key}: {advice}");
            }
            let nearest = known.iter().map(|candidate| (strsim::jaro_winkler(key, candidate), candidate));
            let advice = match nearest.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
                Some((likeness, candidate)) if likeness > 0.7 => format!("did you mean `{candidate}`?"),
                _ => format!("known are {}", known.join(", ")),
            };
            format!("{prefix}{}: unknown key; {advice}", plain_text::short_line(key, 80))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::SweepFile;

    fn faults(value: serde_json::Value) -> Vec<String> {
        SweepFile::from_value(value).map(|_| ()).unwrap_err()
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let found = faults(json!({
            "agents": [
                { "name": "oracle" },
                { "name": "codex", "modle_name": "gpt-5.2" },
                { "name": "codex", "model_name": "gpt-5.2", "n_trials": "three" },
                { "model_name": "x" },
                { "name": "nop", "n_trials": 0 },
                "nop",
                { "name": "nop", "env": { "A": 1 } },
                { "name": "nop", "env": { "NOT_SET_ANYWHERE": null } },
                { "name": "nop", "agent_env": { "A=s3cret": "" } },
                { "name": "nop", "secret_env": { "A": true } }
            ],
            "env": {},
            "enviroment": "docker",
            "n_concurrent": 4,
            "n_tasks": -1
        }));
        let starts = [
            "env: environment variables belong to an agent",
            "enviroment: unknown key; did you mean `environment`?",
            "n_concurrent: concurrency is set at the server",
            "n_tasks: invalid value",
            "agents[1].modle_name: unknown key; did you mean `model_name`?",
            "agents[1].model_name: Model is required",
            "agents[2].n_trials: invalid type: string \"three\"",
            "agents[3]: missing field `name`",
            "agents[4].n_trials: invalid value",
            "agents[5]: it must be a mapping",
            "agents[6].env: A: it must be a text",
            "agents[7].env: NOT_SET_ANYWHERE has no value",
            "agents[8].env: the name of an environment variable",
            "agents[9].secret_env: A: it must be a text",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (fault, start) in found.iter().zip(starts) {
            assert!(fault.starts_with(start), "{fault:?} does not begin with {start:?}");
        }
    }

    #[test]
    fn a_file_needs_agents() {
        for value in [json!({}), json!({ "agents": [] }), json!({ "agents": null }), json!({ "agents": {} })] {
            assert_eq!(faults(value), ["agents: it must be a list with at least one entry"]);
        }
        assert_eq!(faults(json!([])), ["the file must be a mapping with a list `agents`"]);
    }

    #[test]
    fn the_example_is_valid() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sweep.yaml");
        let file = SweepFile::read(path.as_ref()).unwrap();
        assert_eq!(file.agents.len(), 2);
    }

    #[test]
    fn old_and_new_names_of_keys_mean_the_same() {
        let file = SweepFile::from_value(json!({
            "agents": [{ "name": "nop", "agent_kwargs": { "a": 1 } }],
            "env_cpus": 2,
            "override_memory_mb": 512
        }))
        .unwrap();
        assert_eq!((file.override_cpus, file.override_memory_mb), (Some(2), Some(512)));
        assert_eq!(file.agents[0].agent_kwargs["a"], 1);
        assert_eq!(file.agents[0].n_trials, 1);
    }
}

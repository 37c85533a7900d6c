//! Settings that a submission passes through to Harbor (docs/compatibility.md, 3.8).
//!
//! Old clients send them flat in the submission (`env_cpus`), newer ones nested under `harbor` and per configuration
//! under `agent_config`. All become one normal form. A setting of neither form is ignored, as it always was; one of the
//! wrong type is refused, since running without it would not be what was asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::agent_env::{AgentEnv, AgentEnvError, check_name};
use crate::sealing::SealedEnv;

/// Version of Harbor that trials are tested with. A test compares it with the lock files.
pub const HARBOR_VERSION: &str = "0.26.0";

/// What a trial's Harbor configuration sets in addition to agent, model, environment type and the agent's time-out.
///
/// Stored as JSON, where everything left at its default is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HarborSettings {
    /// Run the agent only; the trial then has no reward.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_verification: bool,
    /// Seconds for the verifier, instead of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier_timeout_sec: Option<f64>,
    /// Most seconds for the verifier, whatever the task says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier_max_timeout_sec: Option<f64>,
    /// CPUs of the sandbox, instead of the task's; may be fractional.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_cpus: Option<f64>,
    /// MiB of memory of the sandbox, instead of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_memory_mb: Option<u64>,
    /// MiB of disk of the sandbox, instead of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_storage_mb: Option<u64>,
    /// GPUs of the sandbox, instead of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_gpus: Option<u64>,
    /// Build the image even where a ready one is named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_build: bool,
    /// Ready image to use, instead of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_image: Option<String>,
    /// Arguments for Harbor's environment class.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub environment_kwargs: Map<String, Value>,
    /// Seconds for installing the agent in the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_setup_timeout_sec: Option<f64>,
    /// Most seconds for the agent, whatever the task says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_max_timeout_sec: Option<f64>,
    /// Arguments for Harbor's agent class.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub agent_kwargs: Map<String, Value>,
    /// Environment variables for the agent, their values sealed.
    #[serde(skip_serializing_if = "SealedEnv::is_empty")]
    pub agent_env: SealedEnv,
    /// Names of those variables whose values the submission asks to treat as secret, whatever they are called.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub secret_agent_env: BTreeSet<String>,
    /// MCP servers for the agent, as objects that Harbor reads, each with a `name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mcp_servers: Vec<Value>,
    /// Paths to collect from the sandbox: texts, or objects with a `source`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Value>,
    /// Factors of the task's and the submission's time-outs.
    #[serde(skip_serializing_if = "TimeoutMultipliers::is_empty")]
    pub timeout_multipliers: TimeoutMultipliers,
}

/// Factors of time-outs, wherever the time-outs come from. A phase without one of its own has that of all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeoutMultipliers {
    /// Of every phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<f64>,
    /// Of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<f64>,
    /// Of the verifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier: Option<f64>,
    /// Of installing the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_setup: Option<f64>,
    /// Of building the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_build: Option<f64>,
}

impl TimeoutMultipliers {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HarborSettingsError {
    /// A value of the wrong type or out of range.
    #[error("{path} must be {expected}, not {given}")]
    Type {
        /// Where it is, such as `harbor.environment.override_cpus`.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What it is: the value if it is short, else its JSON type.
        given: String,
    },
    /// An environment variable that an agent can't get.
    #[error("{path}: {error}")]
    Env {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        error: AgentEnvError,
    },
}

/// Settings as they are being collected, later sources over earlier ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Collected {
    pub(crate) settings: HarborSettings,
    /// Seconds for the agent, which a trial keeps beside its settings.
    pub(crate) agent_timeout_sec: Option<f64>,
    /// The agent's environment variables in clear, which are sealed before they join the settings.
    pub(crate) agent_env: AgentEnv,
}

const MCP_SERVER: &str = "an object with a name";

type Result<T> = std::result::Result<T, HarborSettingsError>;

impl Collected {
    /// Takes the flat settings among the fields of a submission.
    pub(crate) fn add_flat(&mut self, fields: &Map<String, Value>, path: &str) -> Result<()> {
        self.flat(&Section { fields, path: path.to_owned() })
    }

    /// Takes a submission's `harbor` object: nested settings, and flat ones too.
    pub(crate) fn add_nested(&mut self, fields: &Map<String, Value>, path: &str) -> Result<()> {
        let top = Section { fields, path: path.to_owned() };
        self.flat(&top)?;
        let settings = &mut self.settings;
        if let Some(verifier) = top.section("verifier")? {
            set(&mut settings.disable_verification, verifier.flag("disable")?);
            set_some(&mut settings.verifier_timeout_sec, verifier.seconds("override_timeout_sec")?);
            set_some(&mut settings.verifier_max_timeout_sec, verifier.seconds("max_timeout_sec")?);
        }
        if let Some(environment) = top.section("environment")? {
            set_some(&mut settings.override_cpus, environment.positive("override_cpus")?);
            set_some(&mut settings.override_memory_mb, environment.whole("override_memory_mb", 1)?);
            set_some(&mut settings.override_storage_mb, environment.whole("override_storage_mb", 1)?);
            set_some(&mut settings.override_gpus, environment.whole("override_gpus", 0)?);
            set(&mut settings.force_build, environment.flag("force_build")?);
            settings.environment_kwargs.extend(environment.object("kwargs")?);
        }
        let multipliers = &mut settings.timeout_multipliers;
        set_some(&mut multipliers.all, top.positive("timeout_multiplier")?);
        set_some(&mut multipliers.agent, top.positive("agent_timeout_multiplier")?);
        set_some(&mut multipliers.verifier, top.positive("verifier_timeout_multiplier")?);
        set_some(&mut multipliers.agent_setup, top.positive("agent_setup_timeout_multiplier")?);
        set_some(&mut multipliers.environment_build, top.positive("environment_build_timeout_multiplier")?);
        if let Some(agent) = top.section("agent_config")? {
            self.agent(&agent)?;
        }
        Ok(())
    }

    /// Takes a configuration's `agent_env` object.
    pub(crate) fn add_agent_env(&mut self, variables: &BTreeMap<String, String>, path: &str) -> Result<()> {
        let fields = variables.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
        self.variables(&fields.collect(), path)
    }

    /// Takes a configuration's `secret_agent_env` object: variables like others, but for what is made of their values.
    pub(crate) fn add_secret_agent_env(&mut self, variables: &BTreeMap<String, String>, path: &str) -> Result<()> {
        self.add_agent_env(variables, path)?;
        self.settings.secret_agent_env.extend(variables.keys().cloned());
        Ok(())
    }

    /// Takes a configuration's `agent_config` object.
    pub(crate) fn add_agent_config(&mut self, fields: &Map<String, Value>, path: &str) -> Result<()> {
        self.agent(&Section { fields, path: path.to_owned() })
    }

    fn flat(&mut self, top: &Section<'_>) -> Result<()> {
        self.env(top, "agent_env")?;
        let settings = &mut self.settings;
        set(&mut settings.disable_verification, top.flag("disable_verification")?);
        set_some(&mut settings.verifier_timeout_sec, top.seconds("verifier_timeout_sec")?);
        set_some(&mut settings.override_cpus, top.positive("env_cpus")?);
        set_some(&mut settings.override_memory_mb, top.whole("env_memory_mb", 1)?);
        set_some(&mut settings.override_storage_mb, top.whole("env_storage_mb", 1)?);
        set_some(&mut settings.override_gpus, top.whole("env_gpus", 0)?);
        set(&mut settings.force_build, top.flag("force_build")?);
        set_some(&mut settings.docker_image, top.text("docker_image")?);
        set_some(&mut settings.agent_setup_timeout_sec, top.seconds("agent_setup_timeout_sec")?);
        set_some(&mut self.agent_timeout_sec, top.seconds("agent_timeout_sec")?);
        settings.agent_kwargs.extend(top.object("agent_kwargs")?);
        set(&mut settings.mcp_servers, top.list("mcp_servers", mcp_server, MCP_SERVER)?);
        set(&mut settings.artifacts, top.list("artifacts", artifact, "a path, or an object with a source")?);
        Ok(())
    }

    fn agent(&mut self, agent: &Section<'_>) -> Result<()> {
        self.env(agent, "env")?;
        set_some(&mut self.agent_timeout_sec, agent.seconds("override_timeout_sec")?);
        set_some(&mut self.settings.agent_setup_timeout_sec, agent.seconds("override_setup_timeout_sec")?);
        set_some(&mut self.settings.agent_max_timeout_sec, agent.seconds("max_timeout_sec")?);
        self.settings.agent_kwargs.extend(agent.object("kwargs")?);
        set(&mut self.settings.mcp_servers, agent.list("mcp_servers", mcp_server, MCP_SERVER)?);
        Ok(())
    }

    fn env(&mut self, section: &Section<'_>, key: &str) -> Result<()> {
        match section.read(key, "an object", Value::as_object)? {
            Some(fields) => self.variables(fields, &section.path_to(key)),
            None => Ok(()),
        }
    }

    /// Adds environment variables. What is wrong is told without a value, and without a name that may hold one.
    fn variables(&mut self, fields: &Map<String, Value>, path: &str) -> Result<()> {
        for (name, value) in fields {
            if let Err(error) = check_name(name) {
                return Err(HarborSettingsError::Env { path: path.to_owned(), error });
            }
            let path = format!("{path}.{name}");
            let Some(text) = value.as_str() else {
                let given = kind(value).to_owned();
                return Err(HarborSettingsError::Type { path, expected: "a text", given });
            };
            self.agent_env.set(name, text).map_err(|error| HarborSettingsError::Env { path, error })?;
        }
        Ok(())
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn set_some<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

fn mcp_server(value: &Value) -> Option<Value> {
    value.get("name")?.as_str().filter(|name| !name.is_empty())?;
    Some(value.clone())
}

/// An artifact as Harbor reads it; old clients say `path` for `source`.
fn artifact(value: &Value) -> Option<Value> {
    if let Some(path) = value.as_str() {
        return (!path.is_empty()).then(|| value.clone());
    }
    let mut artifact = value.as_object()?.clone();
    if let Some(path) = artifact.remove("path") {
        artifact.entry("source").or_insert(path);
    }
    artifact.get("source")?.as_str().filter(|source| !source.is_empty())?;
    Some(Value::Object(artifact))
}

/// The fields of one JSON object, and where it stands in the submission. A null counts as absent.
struct Section<'a> {
    fields: &'a Map<String, Value>,
    path: String,
}

impl<'a> Section<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn path_to(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn read<T>(&self, key: &str, expected: &'static str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(HarborSettingsError::Type { path: self.path_to(key), expected, given: describe(value) }),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.read(key, "true or false", Value::as_bool)
    }

    fn seconds(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a positive number of seconds", positive)
    }

    fn positive(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a positive number", positive)
    }

    fn whole(&self, key: &str, least: u64) -> Result<Option<u64>> {
        let expected = if least == 0 { "a whole number, 0 or more" } else { "a whole number above 0" };
        // Harbor and Postgres both count in signed 64 bits.
        self.read(key, expected, |value| {
            value.as_u64().filter(|number| (least..=i64::MAX.unsigned_abs()).contains(number))
        })
    }

    fn text(&self, key: &str) -> Result<Option<String>> {
        let filled = |value: &Value| value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        self.read(key, "a non-empty text", filled)
    }

    fn object(&self, key: &str) -> Result<Map<String, Value>> {
        Ok(self.read(key, "an object", Value::as_object)?.cloned().unwrap_or_default())
    }

    fn section(&self, key: &str) -> Result<Option<Section<'a>>> {
        let path = self.path_to(key);
        Ok(self.read(key, "an object", Value::as_object)?.map(|fields| Section { fields, path }))
    }

    fn list(&self, key: &str, item: fn(&Value) -> Option<Value>, expected: &'static str) -> Result<Option<Vec<Value>>> {
        let Some(values) = self.read(key, "a list", Value::as_array)? else { return Ok(None) };
        let read = |(index, value): (usize, &Value)| {
            item(value).ok_or_else(|| HarborSettingsError::Type {
                path: format!("{}[{index}]", self.path_to(key)),
                expected,
                given: describe(value),
            })
        };
        values.iter().enumerate().map(read).collect::<Result<Vec<Value>>>().map(Some)
    }
}

fn positive(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite() && *number > 0.0)
}

/// A short value as it is; of a longer one, which may also hold something private, only the type.
fn describe(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        _ => kind(value).to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;

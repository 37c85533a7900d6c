//! Expands a submission into its trials (docs/compatibility.md, 1.6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    agent::{AgentError, check_agent},
    agent_env::MAX_AGENT_ENV_BYTES,
    environment::{
        DEFAULT_ENVIRONMENT, DockerEnvironment, NoDocker, OptionFault, UnknownEnvironment, check_environment,
        check_options,
    },
    harbor_settings::{Collected, HarborSettings, HarborSettingsError},
    host_access::{HostArgument, check_arguments},
    queue_key::{provider_bucket, stored_model, trial_queue_key},
    sealing::{SECRET_KEY, SealedEnv, SealingKey},
    whole,
};

/// The most trials of one submission: they are written in one transaction, and a typing error in a count should not
/// cost a fortune.
pub const MAX_TRIALS_PER_SWEEP: u32 = 10_000;

/// What a submission asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SweepSpec {
    /// What to run, in order.
    pub configs: Vec<SweepConfig>,
    /// The environment of configurations without one; `docker` when there is none here either.
    pub environment: Option<String>,
    /// What `docker` means in this deployment.
    pub docker: DockerEnvironment,
    /// Whether it may name files of the machine that runs the trials.
    pub allow_host_access: bool,
    /// Minutes for the agent, for configurations that don't say.
    pub timeout_minutes: Option<f64>,
    /// The submission's `harbor` object.
    pub harbor: Map<String, Value>,
    /// The submission's other fields, among which old clients send Harbor settings.
    pub flat: Map<String, Value>,
}

/// One agent/model pair of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "agent": "claude-code", "model": "claude-sonnet-4-5", "n_trials": 3
}))))]
pub struct SweepConfig {
    /// A Harbor agent, or `module:Class` of one of your own: at most 255 characters, or 200 where some are not ASCII.
    pub agent: String,
    /// Model of the agent, told to it as it stands here: at most 255 characters on one line, or 200 where some are not ASCII, and 255 in its
    /// full form, the queue key. Not needed for `nop` and `oracle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many trials of this pair; at least 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10000))]
    #[serde(default = "one", deserialize_with = "whole::number")]
    pub n_trials: u32,
    /// Harbor environment type; the sweep's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The agent's time-out in minutes; the sweep's when absent.
    #[cfg_attr(feature = "openapi", schema(exclusive_minimum = 0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<f64>,
    /// Environment variables for the agent, which gets their values byte for byte. They are stored sealed, and no answer shows them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agent_env: BTreeMap<String, String>,
    /// More of them, whose values are secret although their names may not say so: they are taken out of what a trial stores. Of others
    /// that goes for those called `KEY`, `SECRET`, `TOKEN`, `PASSWORD`, `CREDENTIAL`, `AUTH` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_agent_env: BTreeMap<String, String>,
    /// Keyword arguments for the agent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub agent_kwargs: Map<String, Value>,
    /// Harbor's own agent settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_config: Option<Map<String, Value>>,
}

fn one() -> u32 {
    1
}

/// One trial to create.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialSpec {
    /// Its place in the sweep, from 0.
    pub index: u32,
    /// The agent as given.
    pub agent: String,
    /// The model as given; `None` when there is none.
    pub model: Option<String>,
    /// The provider bucket.
    pub provider: &'static str,
    /// What its concurrency limit goes by.
    pub queue_key: String,
    /// A known environment type.
    pub environment: String,
    /// Seconds for the agent, if the submission says; else the task decides.
    pub agent_timeout_sec: Option<f64>,
    /// Everything else that goes through to Harbor, secrets in it sealed.
    pub harbor: HarborSettings,
}

/// Why a submission can't be expanded. Texts name the field; [`SweepError::field`] gives it alone.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SweepError {
    /// No configuration; clients know the text (docs/compatibility.md, 1.6).
    #[error("Must specify 'configs': a sweep needs at least one agent")]
    NoConfigs,
    /// A configuration asks for no trial.
    #[error("configs[{config}].n_trials must be at least 1")]
    NoTrials {
        /// Its place, from 0.
        config: usize,
    },
    /// More trials than [`MAX_TRIALS_PER_SWEEP`].
    #[error("a sweep can have at most {MAX_TRIALS_PER_SWEEP} trials, and this one asks for {trials}: split it")]
    TooManyTrials {
        /// Trials of all configurations.
        trials: u64,
    },
    /// An agent that can't run, or not without a model.
    #[error("configs[{config}]: {reason}")]
    Agent {
        /// Its place, from 0.
        config: usize,
        /// What is wrong.
        reason: AgentError,
    },
    /// An environment that Harbor doesn't have.
    #[error("{field}: {reason}")]
    Environment {
        /// Where it was given.
        field: String,
        /// What is wrong.
        reason: UnknownEnvironment,
    },
    /// `docker`, where no runner has it.
    #[error("{field}: {reason}")]
    NoDocker {
        /// Where it was given, or could have been.
        field: String,
        /// What is wrong.
        reason: NoDocker,
    },
    /// An option that the environment does not take.
    #[error("{ENVIRONMENT_OPTIONS}: {0}")]
    EnvironmentOption(OptionFault),
    /// A setting or an argument that reaches to the machine that runs the trials.
    #[error("configs[{config}]: {reason}")]
    HostAccess {
        /// Its place, from 0.
        config: usize,
        /// What is wrong.
        reason: HostArgument,
    },
    /// A time-out that is no positive number.
    #[error("{field} must be a positive number of minutes, not {minutes}")]
    Timeout {
        /// Where it was given.
        field: String,
        /// Its value.
        minutes: f64,
    },
    /// A Harbor setting that can't be used.
    #[error("{0}")]
    Harbor(HarborSettingsError),
    /// Environment variables for an agent, and nothing to seal them with.
    #[error(
        "{field}: environment variables for an agent are stored sealed, and this deployment has no key to seal them with: set \
         {SECRET_KEY} to 32 random characters or more, the same for the API and the runners"
    )]
    NoSecretKey {
        /// Where they belong.
        field: String,
    },
    /// More environment variables than [`MAX_AGENT_ENV_BYTES`].
    #[error(
        "{field}: an agent's environment variables may have {MAX_AGENT_ENV_BYTES} bytes in all, and these have {bytes}"
    )]
    AgentEnvTooLarge {
        /// Where they belong.
        field: String,
        /// Bytes of all names and values.
        bytes: usize,
    },
}

impl SweepError {
    /// The faulty field of the submission, such as `configs[0].agent`.
    pub fn field(&self) -> String {
        match self {
            Self::NoConfigs | Self::TooManyTrials { .. } => "configs".to_owned(),
            Self::NoTrials { config } => format!("configs[{config}].n_trials"),
            Self::Agent { config, reason } if reason.is_of_model() => format!("configs[{config}].model"),
            Self::Agent { config, .. } => format!("configs[{config}].agent"),
            Self::HostAccess { config, .. } => format!("configs[{config}]"),
            Self::Environment { field, .. }
            | Self::NoDocker { field, .. }
            | Self::Timeout { field, .. }
            | Self::NoSecretKey { field }
            | Self::AgentEnvTooLarge { field, .. } => field.clone(),
            Self::EnvironmentOption(fault) => format!("{ENVIRONMENT_OPTIONS}.{}", fault.option()),
            Self::Harbor(HarborSettingsError::Type { path, .. } | HarborSettingsError::Env { path, .. }) => {
                path.clone()
            }
        }
    }
}

impl From<HarborSettingsError> for SweepError {
    fn from(error: HarborSettingsError) -> Self {
        Self::Harbor(error)
    }
}

/// Where a submission gives the options of its environment.
const ENVIRONMENT_OPTIONS: &str = "harbor.environment.kwargs";

/// What agents' environment variables are sealed with.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// The deployment's key; without one a submission with such variables is refused.
    pub key: Option<&'a SealingKey>,
    /// The task that the trials are of.
    pub task_id: &'a str,
}

/// The trials of a submission: each configuration's in order, indices running over all of them.
///
/// What a configuration says wins over what the submission says; seconds for the agent win over minutes at the same
/// level.
pub fn expand(spec: &SweepSpec, sealing: Sealing<'_>) -> Result<Vec<TrialSpec>, SweepError> {
    if spec.configs.is_empty() {
        return Err(SweepError::NoConfigs);
    }
    if let Some(config) = spec.configs.iter().position(|config| config.n_trials == 0) {
        return Err(SweepError::NoTrials { config });
    }
    let trials = spec.configs.iter().map(|config| u64::from(config.n_trials)).sum();
    if trials > u64::from(MAX_TRIALS_PER_SWEEP) {
        return Err(SweepError::TooManyTrials { trials });
    }

    let environment = known_environment(spec.environment.as_deref(), "environment")?.unwrap_or(DEFAULT_ENVIRONMENT);
    let mut shared =
        Collected { agent_timeout_sec: seconds(spec.timeout_minutes, "timeout_minutes")?, ..Collected::default() };
    shared.add_flat(&spec.flat, "")?;
    shared.add_nested(&spec.harbor, "harbor")?;

    let templates = spec
        .configs
        .iter()
        .enumerate()
        .map(|(place, config)| template(place, config, (environment, spec), shared.clone(), sealing))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(templates
        .into_iter()
        .zip(&spec.configs)
        .flat_map(|(trial, config)| std::iter::repeat_n(trial, config.n_trials as usize))
        .zip(0..)
        .map(|(trial, index)| TrialSpec { index, ..trial })
        .collect())
}

/// What all trials of one configuration have in common.
fn template(
    place: usize,
    config: &SweepConfig,
    (environment, spec): (&'static str, &SweepSpec),
    mut harbor: Collected,
    sealing: Sealing<'_>,
) -> Result<TrialSpec, SweepError> {
    let field = |name: &str| format!("configs[{place}].{name}");
    let model = config.model.as_deref();
    check_agent(&config.agent, model).map_err(|reason| SweepError::Agent { config: place, reason })?;
    let own = known_environment(config.environment.as_deref(), &field("environment"))?;
    let environment = spec.docker.resolve(own.unwrap_or(environment)).map_err(|reason| {
        let field = if own.is_some() { field("environment") } else { "environment".to_owned() };
        SweepError::NoDocker { field, reason }
    })?;
    check_options(environment, &harbor.settings.environment_kwargs).map_err(SweepError::EnvironmentOption)?;
    if let Some(own) = seconds(config.timeout_minutes, &field("timeout_minutes"))? {
        harbor.agent_timeout_sec = Some(own);
    }
    harbor.settings.agent_kwargs.extend(config.agent_kwargs.clone());
    harbor.add_agent_env(&config.agent_env, &field("agent_env"))?;
    harbor.add_secret_agent_env(&config.secret_agent_env, &field("secret_agent_env"))?;
    if let Some(settings) = &config.agent_config {
        harbor.add_agent_config(settings, &field("agent_config"))?;
    }
    if !spec.allow_host_access {
        let (kwargs, options) = (&harbor.settings.agent_kwargs, &harbor.settings.environment_kwargs);
        check_arguments(&config.agent, kwargs, &harbor.agent_env, options)
            .map_err(|reason| SweepError::HostAccess { config: place, reason })?;
    }
    if !harbor.agent_env.is_empty() {
        let bytes = harbor.agent_env.bytes();
        if bytes > MAX_AGENT_ENV_BYTES {
            return Err(SweepError::AgentEnvTooLarge { field: field("agent_env"), bytes });
        }
        let key = sealing.key.ok_or_else(|| SweepError::NoSecretKey { field: field("agent_env") })?;
        harbor.settings.agent_env = SealedEnv::seal(key, sealing.task_id, &harbor.agent_env);
    }

    Ok(TrialSpec {
        index: 0,
        provider: provider_bucket(&config.agent, model),
        queue_key: trial_queue_key(&config.agent, model),
        agent: config.agent.clone(),
        model: stored_model(&config.agent, model).map(str::to_owned),
        environment: environment.to_owned(),
        agent_timeout_sec: harbor.agent_timeout_sec,
        harbor: harbor.settings,
    })
}

fn known_environment(given: Option<&str>, field: &str) -> Result<Option<&'static str>, SweepError> {
    given
        .map(check_environment)
        .transpose()
        .map_err(|reason| SweepError::Environment { field: field.to_owned(), reason })
}

fn seconds(minutes: Option<f64>, field: &str) -> Result<Option<f64>, SweepError> {
    let Some(minutes) = minutes else { return Ok(None) };
    let seconds = minutes * 60.0;
    if minutes > 0.0 && seconds.is_finite() {
        Ok(Some(seconds))
    } else {
        Err(SweepError::Timeout { field: field.to_owned(), minutes })
    }
}

#[cfg(test)]
mod tests;

//! What services work with. Each capability is a type of its own, so that a caller builds those that it needs and no others.

use std::sync::Arc;

use oddish_artifacts::{SharedStore, StorageSettings};
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::host_access::ALLOW_HOST_ACCESS;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::{SECRET_KEY, SealingKey};
use oddish_domain::settings::Reader;
use oddish_domain::task_toml::AGENT_TIMEOUT_SEC;

pub use oddish_wake::Wake;

/// Object storage.
#[derive(Clone, Debug)]
pub struct Artifacts(pub SharedStore);

/// What holds for sweeps that say nothing else.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The limits that queue keys get when they are first seen.
    pub concurrency: Arc<ConcurrencyLimits>,
    /// Attempts of a trial at the most, unless its sweep says otherwise.
    pub max_attempts: u32,
}

impl Limits {
    /// Reads them from the settings of limits and retries.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let concurrency = Arc::new(ConcurrencyLimits::read(reader));
        Self { concurrency, max_attempts: RetrySettings::read(reader).max_attempts }
    }
}

/// What holds while sweeps are expanded into trials.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// What agents' environment variables are sealed with. Without a key, sweeps that have some are refused.
    pub sealing: Option<SealingKey>,
    /// What the environment `docker` means.
    pub docker: DockerEnvironment,
    /// Whether they may name files of the machine that runs the trials.
    pub allow_host_access: bool,
}

impl Expansion {
    /// Reads them from the settings of the secret, of Docker and of access to the host.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let sealing = reader.get(&SECRET_KEY).as_ref().map(SealingKey::of);
        Self { sealing, docker: DockerEnvironment::read(reader), allow_host_access: reader.get(&ALLOW_HOST_ACCESS) }
    }
}

/// What holds for uploads.
#[derive(Clone, Copy, Debug)]
pub struct UploadRules {
    /// Size of an archive at the most, in bytes.
    pub max_bytes: u64,
    /// Size at the most of one that comes in a form, in bytes.
    pub max_form_bytes: u64,
    /// Seconds that an agent gets whose task sets no time-out; the client is told.
    pub default_agent_timeout_sec: f64,
    /// Whether tasks may ask for access to the machine that runs their trials: where that is allowed, and where no runner has Docker.
    pub allow_host_access: bool,
}

impl UploadRules {
    /// Reads them from the storage and agent settings.
    pub fn read(reader: &mut Reader<'_>, storage: &StorageSettings) -> Self {
        let max_bytes = storage.max_task_upload_mb << 20;
        let has_docker = DockerEnvironment::read(reader) == DockerEnvironment::Docker;
        Self {
            max_bytes,
            max_form_bytes: max_bytes,
            default_agent_timeout_sec: reader.get(&AGENT_TIMEOUT_SEC),
            allow_host_access: reader.get(&ALLOW_HOST_ACCESS) || !has_docker,
        }
    }
}

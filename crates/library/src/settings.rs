//! What the library reads from its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

use oddish::capabilities::UploadRules;
use oddish::judging::Judges;
use oddish_artifacts::{LOCAL_STORAGE_DIR, StorageSettings};
use oddish_db::{DATABASE_URL, DatabaseSettings, DatabaseUrl};
use oddish_dispatcher::LauncherSettings;
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::host_access::ALLOW_HOST_ACCESS;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::SECRET_KEY;
use oddish_domain::settings::unicode_variables;

use crate::Error;

/// Everything that can be set: the variables of `env.example` that are not about the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub database: DatabaseUrl,
    /// Connections to it at the most.
    pub pool_size: u32,
    /// Where artifacts are kept: a folder of this machine, or a bucket.
    pub storage: StorageSettings,
    /// What holds for uploads.
    pub uploads: UploadRules,
    /// Who analyses trials and judges tasks, if anybody does.
    pub judges: Judges,
    /// How many trials of a model may run at once.
    pub limits: ConcurrencyLimits,
    /// What the environment `docker` means in submissions.
    pub docker: DockerEnvironment,
    /// Whether submissions may name files of the machine that runs their trials.
    pub allow_host_access: bool,
    /// How failures are tried again.
    pub retries: RetrySettings,
    /// How runners are started.
    pub launcher: LauncherSettings,
    environment: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the variables of this process. Every fault is named at once.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_map(unicode_variables(std::env::vars_os()))
    }

    /// Reads these variables. Runners see them, and no others.
    pub fn from_map(environment: BTreeMap<String, String>) -> Result<Self, Error> {
        let variables = oddish_domain::settings::Settings::from_map(environment.clone());
        let mut reader = variables.reader();
        let database = DatabaseSettings::read(&mut reader);
        let storage = StorageSettings::read(&mut reader);
        let uploads = UploadRules::read(&mut reader, &storage);
        let judges = Judges::read(&mut reader);
        let limits = ConcurrencyLimits::read(&mut reader);
        let docker = DockerEnvironment::read(&mut reader);
        let allow_host_access = reader.get(&ALLOW_HOST_ACCESS);
        let retries = RetrySettings::read(&mut reader);
        let launcher = LauncherSettings::read(&mut reader);
        reader.finish()?;
        Ok(Self {
            pool_size: database.pool_size,
            database: database.required()?,
            storage,
            uploads,
            judges,
            limits,
            docker,
            allow_host_access,
            retries,
            launcher,
            environment,
        })
    }

    /// The environment of a runner.
    pub(crate) fn runner_environment(&self) -> BTreeMap<OsString, OsString> {
        let mut environment: BTreeMap<OsString, OsString> =
            self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        environment.insert(DATABASE_URL.name().into(), self.database.text().into());
        environment.insert(LOCAL_STORAGE_DIR.name().into(), self.storage.local_storage_dir.clone().into());
        if let Some(secret) = &self.storage.secret_key {
            environment.insert(SECRET_KEY.name().into(), secret.expose().into());
        }
        environment
    }
}

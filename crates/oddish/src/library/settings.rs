//! What the library reads from its environment.

use std::collections::BTreeMap;

use oddish_artifacts::StorageSettings;
use oddish_db::{DatabaseSettings, DatabaseUrl};
use oddish_domain::settings::unicode_variables;

use super::OpenError;
use crate::capabilities::{Expansion, Limits, UploadRules};
use crate::judging::Judges;

/// Everything that can be set: the variables of `env.example` that are not about the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub database: DatabaseUrl,
    /// Most connections to it.
    pub pool_size: u32,
    /// Where artifacts are kept: a folder of this machine, or a bucket.
    pub storage: StorageSettings,
    /// What holds for uploads.
    pub uploads: UploadRules,
    /// Who analyses trials and judges tasks, if anybody does.
    pub judges: Judges,
    /// How many trials of a model may run at once, and how often a trial is attempted.
    pub limits: Limits,
    /// How sweeps are expanded into trials.
    pub expansion: Expansion,
    /// How trials are run.
    #[cfg(feature = "worker")]
    pub worker: super::WorkerSettings,
}

impl Settings {
    /// Reads the variables of this process. Every fault is named at once.
    pub fn from_env() -> Result<Self, OpenError> {
        Self::from_map(unicode_variables(std::env::vars_os()))
    }

    /// Reads these variables. Runners see them, and no others.
    pub fn from_map(environment: BTreeMap<String, String>) -> Result<Self, OpenError> {
        #[cfg(feature = "worker")]
        let of_runners = environment.clone();
        let variables = oddish_domain::settings::Settings::from_map(environment);
        let mut reader = variables.reader();
        let database = DatabaseSettings::read(&mut reader);
        let storage = StorageSettings::read(&mut reader);
        let uploads = UploadRules::read(&mut reader, &storage);
        let judges = Judges::read(&mut reader);
        let limits = Limits::read(&mut reader);
        let expansion = Expansion::read(&mut reader);
        #[cfg(feature = "worker")]
        let worker = super::WorkerSettings::read(&mut reader, of_runners);
        reader.finish()?;
        Ok(Self {
            pool_size: database.pool_size,
            database: database.required()?,
            storage,
            uploads,
            judges,
            limits,
            expansion,
            #[cfg(feature = "worker")]
            worker,
        })
    }

    /// How trials are run, by runners that use the database, the store and the secret of these settings.
    #[cfg(feature = "worker")]
    pub(super) fn of_worker(&self) -> super::WorkerSettings {
        let mut worker = self.worker.clone();
        let mut set = |name: &str, value: std::ffi::OsString| worker.environment.insert(name.into(), value);
        set(oddish_db::DATABASE_URL.name(), self.database.text().into());
        set(oddish_artifacts::LOCAL_STORAGE_DIR.name(), self.storage.local_storage_dir.clone().into());
        if let Some(secret) = &self.storage.secret_key {
            set(oddish_domain::sealing::SECRET_KEY.name(), secret.expose().into());
        }
        worker
    }
}

//! The settings of the server, read once at the start with every fault named.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::Context as _;
use oddish::WorkerSettings;
use oddish::capabilities::{Expansion, Limits, UploadRules};
use oddish::judging::Judges;
use oddish_artifacts::home::{self, HOME};
use oddish_artifacts::{LOCAL_STORAGE_DIR, S3Settings, StorageSettings};
use oddish_db::{DATABASE_URL, DatabaseSettings};
use oddish_dispatcher::LauncherSettings;
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::host_access::HOST_ACCESS_SETTINGS;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{self, Group, Reader, Setting, Settings, read_env_file, unicode_variables};
use oddish_functions::http::auth::AuthMode;
use oddish_runner::confinement::ConfinementSettings;
use oddish_runner::container;
use oddish_runner::settings::{JOBS_DIR, RunnerSettings};
use oddish_telemetry::TelemetrySettings;

use crate::browsers::{ALLOWED_HOSTS, AllowedHosts};
use crate::connections::ConnectionSettings;
use crate::cors::Origins;

const API_HOST: Setting<IpAddr> =
    Setting::new("ODDISH_API_HOST", IpAddr::V4(Ipv4Addr::LOCALHOST)).doc("Address that the API listens on.");
const API_PORT: Setting<u16> =
    Setting::new("ODDISH_API_PORT", 8000).unit("TCP port").doc("Port that the API listens on.");
const CORS_ORIGINS: Setting<Option<Origins>> = Setting::optional("ODDISH_CORS_ORIGINS").doc(
    "Web pages that may call the API from a browser: origins separated by commas, `*` for all, or `none`. Unset: http://localhost:3000 and http://127.0.0.1:3000, or none where keys are required.",
);
const AUTO_START_WORKERS: Setting<bool> = Setting::new("ODDISH_AUTO_START_WORKERS", true).doc(
    "Whether `oddish-server api` also runs trials. With false, or with --no-workers, start an `oddish-server worker` for them.",
);
const POSTGRES_BIN: Setting<Option<PathBuf>> = Setting::optional("ODDISH_POSTGRES_BIN")
    .doc("Folder of the Postgres programs for the private server. Unset: the newest version found on this machine.");

/// What the server hands on to Harbor and does not read itself: keys of model providers and of sandboxes. Any other key of their kind is
/// handed on too.
pub(crate) const PASSED_ON: Group = Group {
    title: "Keys for Harbor and its agents",
    read_by: "Harbor, to which `oddish-runner` hands them on",
    settings: &[
        &key("ANTHROPIC_API_KEY", "For agents on Claude models."),
        &key("OPENAI_API_KEY", "For agents on OpenAI models."),
        &key("GEMINI_API_KEY", "For agents on Gemini models."),
        &key("DAYTONA_API_KEY", "For trials in Daytona sandboxes (`--env daytona`)."),
        &key("MODAL_TOKEN_ID", "For trials in Modal sandboxes (`--env modal`), with MODAL_TOKEN_SECRET."),
        &key("MODAL_TOKEN_SECRET", "See MODAL_TOKEN_ID."),
    ],
};

const fn key(name: &'static str, doc: &'static str) -> Setting<Option<String>> {
    Setting::optional(name).secret().doc(doc)
}

/// Every setting, by the part of the system that reads it, in the order of `env.example`.
pub(crate) const GROUPS: &[Group] = &[
    DatabaseSettings::GROUP,
    StorageSettings::GROUP,
    S3Settings::GROUP,
    ConcurrencyLimits::GROUP,
    DockerEnvironment::GROUP,
    HOST_ACCESS_SETTINGS,
    ServerSettings::GROUP,
    ConnectionSettings::GROUP,
    TelemetrySettings::GROUP,
    AuthMode::GROUP,
    Judges::GROUP,
    RetrySettings::GROUP,
    LauncherSettings::GROUP,
    RunnerSettings::GROUP,
    ConfinementSettings::GROUP,
    PASSED_ON,
];

/// Every setting with its default and what it is for, in the form of a `.env` file.
pub(crate) fn env_example() -> String {
    settings::env_example(GROUPS)
}

/// Everything that the server reads from its environment.
#[derive(Debug)]
pub(crate) struct ServerSettings {
    pub(crate) database: DatabaseSettings,
    pub(crate) storage: StorageSettings,
    pub(crate) uploads: UploadRules,
    pub(crate) limits: Limits,
    /// How sweeps are expanded into trials, if the secret is the configured one.
    pub(crate) expansion: Expansion,
    pub(crate) auth: AuthMode,
    /// Names by which clients may call, where no key is asked for.
    pub(crate) allowed_hosts: Option<AllowedHosts>,
    /// Web pages that may ask.
    pub(crate) origins: Origins,
    pub(crate) judges: Judges,
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) connections: ConnectionSettings,
    pub(crate) start_workers: bool,
    /// How trials are run. Runners see all variables.
    pub(crate) worker: WorkerSettings,
    /// The folder foreverything that is nowhere else.
    pub(crate) home: PathBuf,
    pub(crate) runner: RunnerSettings,
    /// Whether a setting names the folder for running trials.
    pub(crate) names_jobs_dir: bool,
    pub(crate) postgres_programs: Option<PathBuf>,
}

impl ServerSettings {
    /// The settings that the server alone reads.
    const GROUP: Group = Group {
        title: "API and server",
        read_by: "`oddish-server`",
        settings: &[&API_HOST, &API_PORT, &ALLOWED_HOSTS, &CORS_ORIGINS, &AUTO_START_WORKERS, &POSTGRES_BIN],
    };

    /// Reads the environment and `.env`.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let environment = environment()?;
        let settings = Settings::from_map(environment.clone());
        Ok(settings.read(|reader| Self::read(reader, environment))?)
    }

    pub(crate) fn read(reader: &mut Reader<'_>, environment: BTreeMap<String, String>) -> Self {
        let storage = StorageSettings::read(reader);
        let auth = AuthMode::read(reader);
        Self {
            database: DatabaseSettings::read(reader),
            uploads: UploadRules::read(reader, &storage),
            storage,
            limits: Limits::read(reader),
            expansion: Expansion::read(reader),
            auth,
            allowed_hosts: reader.get(&ALLOWED_HOSTS),
            origins: reader.get(&CORS_ORIGINS).unwrap_or_else(|| Origins::usual(auth)),
            judges: Judges::read(reader),
            host: reader.get(&API_HOST),
            port: reader.get(&API_PORT),
            connections: ConnectionSettings::read(reader),
            start_workers: reader.get(&AUTO_START_WORKERS),
            worker: WorkerSettings::read(reader, environment),
            home: home::home(reader),
            names_jobs_dir: reader.get(&JOBS_DIR).is_some(),
            // The runner reads its settings itself; a fault in them is better found here than in every trial.
            runner: RunnerSettings::read(reader),
            postgres_programs: reader.get(&POSTGRES_BIN),
        }
    }

    /// How trials are run, by runners that use the database, the folders and the secret that are really in use.
    pub(crate) fn of_worker(&self, database_url: &str, secret: Option<&SecretKey>) -> WorkerSettings {
        let mut worker = self.worker.clone();
        let environment = &mut worker.environment;
        environment.insert(DATABASE_URL.name().into(), database_url.into());
        environment.insert(HOME.name().into(), self.home.clone().into());
        environment.insert(JOBS_DIR.name().into(), self.runner.jobs_dir.clone().into());
        environment.insert(LOCAL_STORAGE_DIR.name().into(), self.storage.local_storage_dir.clone().into());
        if let Some(secret) = secret {
            environment.insert(SECRET_KEY.name().into(), secret.expose().into());
        }
        worker
    }
}

/// The file in the working directory that the server reads its settings from too.
const ENV_FILE: &str = ".env";

/// The variables of the environment and of [`ENV_FILE`] below it: a variable of the environment goes before one of the file. A file of that
/// name in a folder further up is somebody else's, and not read.
pub(crate) fn environment() -> anyhow::Result<BTreeMap<String, String>> {
    let mut environment = match std::fs::read(ENV_FILE) {
        Ok(file) => {
            read_env_file(&file).with_context(|| format!("{ENV_FILE} in the working directory cannot be used"))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error).context(format!("{ENV_FILE} in the working directory cannot be read")),
    };
    environment.extend(unicode_variables(container::variables()));
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use oddish_test_support::derived;

    use super::*;

    #[test]
    fn env_example_is_current() {
        derived::check("env.example", &env_example());
    }
}

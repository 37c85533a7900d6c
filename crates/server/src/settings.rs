//! The settings of the server, read once at the start with every fault named.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::Context as _;
use oddish_artifacts::{LOCAL_STORAGE_DIR, S3Settings, StorageSettings};
use oddish_db::{DATABASE_URL, DatabaseSettings};
use oddish_dispatcher::LauncherSettings;
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{self, Group, Reader, Setting, Settings, read_env_file, unicode_variables};
use oddish_functions::auth::AuthMode;
use oddish_functions::judging::Judges;
use oddish_functions::state::UploadRules;
use oddish_runner::settings::RunnerSettings;
use oddish_telemetry::TelemetrySettings;

use crate::browsers::{ALLOWED_HOSTS, AllowedHosts};
use crate::cors::Origins;

const API_HOST: Setting<IpAddr> =
    Setting::new("ODDISH_API_HOST", IpAddr::V4(Ipv4Addr::LOCALHOST)).doc("Address that the API listens on.");
const API_PORT: Setting<u16> =
    Setting::new("ODDISH_API_PORT", 8000).unit("TCP port").doc("Port that the API listens on.");
const CORS_ORIGINS: Setting<Option<Origins>> = Setting::optional("ODDISH_CORS_ORIGINS").doc(
    "Web pages that may ask the API from a browser: origins with commas between them, `*` for all, `none`. Unset: http://localhost:3000 and http://127.0.0.1:3000, or none where keys are required.",
);
const AUTO_START_WORKERS: Setting<bool> = Setting::new("ODDISH_AUTO_START_WORKERS", true).doc(
    "Whether `oddish-server api` runs trials too. With false, or with --no-workers, an `oddish-server worker` has to.",
);
const HOME: Setting<Option<PathBuf>> = Setting::optional("ODDISH_HOME").doc(
    "Folder for the private Postgres and the server's secret. Unset: /var/lib/oddish as root, else ~/.local/share/oddish.",
);
const POSTGRES_BIN: Setting<Option<PathBuf>> = Setting::optional("ODDISH_POSTGRES_BIN")
    .doc("Folder of the Postgres programs for the private server. Unset: the newest that is found.");

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
    ServerSettings::GROUP,
    TelemetrySettings::GROUP,
    AuthMode::GROUP,
    Judges::GROUP,
    RetrySettings::GROUP,
    LauncherSettings::GROUP,
    RunnerSettings::GROUP,
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
    pub(crate) limits: ConcurrencyLimits,
    /// What the environment `docker` means in submissions.
    pub(crate) docker: DockerEnvironment,
    pub(crate) auth: AuthMode,
    /// Names by which clients may call, where no key is asked for.
    pub(crate) allowed_hosts: Option<AllowedHosts>,
    /// Web pages that may ask.
    pub(crate) origins: Origins,
    pub(crate) judges: Judges,
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) start_workers: bool,
    pub(crate) launcher: LauncherSettings,
    pub(crate) retries: RetrySettings,
    pub(crate) home: PathBuf,
    pub(crate) postgres_programs: Option<PathBuf>,
    /// All variables, for the runners.
    pub(crate) environment: BTreeMap<String, String>,
}

impl ServerSettings {
    /// The settings that the server alone reads.
    const GROUP: Group = Group {
        title: "API and server",
        read_by: "`oddish-server`",
        settings: &[&API_HOST, &API_PORT, &ALLOWED_HOSTS, &CORS_ORIGINS, &AUTO_START_WORKERS, &HOME, &POSTGRES_BIN],
    };

    /// Reads the environment and `.env`.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let environment = environment()?;
        let settings = Settings::from_map(environment.clone());
        // The runner reads its settings itself; a fault in them is better found here than in every trial.
        let (read, _) = settings.read(|reader| (Self::read(reader, environment), RunnerSettings::read(reader)))?;
        Ok(read)
    }

    pub(crate) fn read(reader: &mut Reader<'_>, environment: BTreeMap<String, String>) -> Self {
        let storage = StorageSettings::read(reader);
        let auth = AuthMode::read(reader);
        Self {
            database: DatabaseSettings::read(reader),
            uploads: UploadRules::read(reader, &storage),
            storage,
            limits: ConcurrencyLimits::read(reader),
            docker: DockerEnvironment::read(reader),
            auth,
            allowed_hosts: reader.get(&ALLOWED_HOSTS),
            origins: reader.get(&CORS_ORIGINS).unwrap_or_else(|| Origins::usual(auth)),
            judges: Judges::read(reader),
            host: reader.get(&API_HOST),
            port: reader.get(&API_PORT),
            start_workers: reader.get(&AUTO_START_WORKERS),
            launcher: LauncherSettings::read(reader),
            retries: RetrySettings::read(reader),
            home: reader.get(&HOME).unwrap_or_else(|| default_home(&environment)),
            postgres_programs: reader.get(&POSTGRES_BIN),
            environment,
        }
    }

    /// The environment of a runner: this process's own and `.env`, with the database and the secret that are really in use.
    pub(crate) fn runner_environment(
        &self,
        database_url: &str,
        secret: Option<&SecretKey>,
    ) -> BTreeMap<OsString, OsString> {
        let mut environment: BTreeMap<OsString, OsString> =
            self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        environment.insert(DATABASE_URL.name().into(), database_url.into());
        environment.insert(LOCAL_STORAGE_DIR.name().into(), self.storage.local_storage_dir.clone().into());
        if let Some(secret) = secret {
            environment.insert(SECRET_KEY.name().into(), secret.expose().into());
        }
        environment
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
    environment.extend(unicode_variables(std::env::vars_os()));
    Ok(environment)
}

fn default_home(environment: &BTreeMap<String, String>) -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/oddish");
    }
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    match (set("XDG_DATA_HOME"), set("HOME")) {
        (Some(data), _) => PathBuf::from(data).join("oddish"),
        (None, Some(home)) => PathBuf::from(home).join(".local/share/oddish"),
        (None, None) => std::env::temp_dir().join("oddish"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_example_shows_every_variable() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../env.example");
        let expected = env_example();
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "env.example is out of date: run `UPDATE_EXPECTED=1 cargo xtask test -E 'test(env_example)'`"
        );
    }
}

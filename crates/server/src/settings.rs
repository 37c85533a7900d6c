//! The settings of the server, read once at the start with every fault named.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::Context as _;
use oddish_artifacts::{S3_VARIABLES, S3Settings, STORAGE_VARIABLES, StorageSettings};
use oddish_db::{DATABASE_VARIABLES, DatabaseSettings};
use oddish_dispatcher::{LAUNCHER_VARIABLES, LauncherSettings};
use oddish_domain::environment::{DockerEnvironment, ENVIRONMENT_VARIABLES};
use oddish_domain::limits::{self, ConcurrencyLimits};
use oddish_domain::retry::{RETRY_VARIABLES, RetrySettings};
use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{Reader, Settings, Variable};
use oddish_functions::auth::{AUTH_VARIABLES, AuthMode};
use oddish_functions::judging::{JUDGING_VARIABLES, Judges};
use oddish_functions::state::UploadRules;

use oddish_telemetry::TELEMETRY_VARIABLES;

use crate::cors::Origins;

/// The variables that only the server reads.
const SERVER_VARIABLES: &[Variable] = &[
    Variable { name: "ODDISH_API_HOST", default: "127.0.0.1", secret: false, doc: "Address that the API listens on." },
    Variable { name: "ODDISH_API_PORT", default: "8000", secret: false, doc: "Port that the API listens on." },
    Variable {
        name: "ODDISH_CORS_ORIGINS",
        default: "",
        secret: false,
        doc: "Web pages that may ask the API from a browser: origins with commas between them, `*` for all, `none`. Unset: http://localhost:3000 and http://127.0.0.1:3000, or none where keys are required.",
    },
    Variable {
        name: "ODDISH_AUTO_START_WORKERS",
        default: "true",
        secret: false,
        doc: "Whether `oddish-server api` runs trials too. With false, or with --no-workers, an `oddish-server worker` has to.",
    },
    Variable {
        name: "ODDISH_HOME",
        default: "",
        secret: false,
        doc: "Folder for the private Postgres and the server's secret. Unset: /var/lib/oddish as root, else ~/.local/share/oddish.",
    },
    Variable {
        name: "ODDISH_POSTGRES_BIN",
        default: "",
        secret: false,
        doc: "Folder of the Postgres programs for the private server. Unset: the newest that is found.",
    },
];

/// What the server only hands on to Harbor: keys of model providers and of sandboxes. Any other key of their kind is handed on too.
const PASSED_ON: &[Variable] = &[
    key("ANTHROPIC_API_KEY", "For agents on Claude models."),
    key("OPENAI_API_KEY", "For agents on OpenAI models."),
    key("GEMINI_API_KEY", "For agents on Gemini models."),
    key("DAYTONA_API_KEY", "For trials in Daytona sandboxes (`--env daytona`)."),
    key("MODAL_TOKEN_ID", "For trials in Modal sandboxes (`--env modal`), with MODAL_TOKEN_SECRET."),
    key("MODAL_TOKEN_SECRET", "See MODAL_TOKEN_ID."),
];

const fn key(name: &'static str, doc: &'static str) -> Variable {
    Variable { name, default: "", secret: true, doc }
}

/// Every variable, by the part of the system that reads it, in the order of `env.example`.
pub(crate) const VARIABLES: &[(&str, &[Variable])] = &[
    ("Database", DATABASE_VARIABLES),
    ("Storage", STORAGE_VARIABLES),
    ("Storage in S3", S3_VARIABLES),
    ("Concurrency", limits::VARIABLES),
    ("Environments", ENVIRONMENT_VARIABLES),
    ("API and server", SERVER_VARIABLES),
    ("Log and metrics", TELEMETRY_VARIABLES),
    ("Access", AUTH_VARIABLES),
    ("Judging", JUDGING_VARIABLES),
    ("Retries", RETRY_VARIABLES),
    ("Starting runners", LAUNCHER_VARIABLES),
    ("Running trials", oddish_runner::settings::RUNNER_VARIABLES),
    ("Keys for Harbor and its agents", PASSED_ON),
];

/// Every setting with its default and what it is for, in the form of a `.env` file.
pub(crate) fn env_example() -> String {
    oddish_domain::settings::render_env_example(VARIABLES)
}

/// Everything that the server reads from its environment.
#[derive(Debug)]
pub(crate) struct ServerSettings {
    pub(crate) database: DatabaseSettings,
    pub(crate) storage: StorageSettings,
    pub(crate) s3: Option<S3Settings>,
    pub(crate) uploads: UploadRules,
    pub(crate) limits: ConcurrencyLimits,
    /// What the environment `docker` means in submissions.
    pub(crate) docker: DockerEnvironment,
    pub(crate) auth: AuthMode,
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
    /// Reads the environment and `.env`.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let environment = environment()?;
        let settings = Settings::from_map(environment.clone());
        let mut reader = settings.reader();
        let read = Self::read(&mut reader, environment);
        // The runner reads its settings itself; a fault in them is better found here than in every trial.
        oddish_runner::settings::RunnerSettings::read(&mut reader);
        reader.finish()?;
        Ok(read)
    }

    fn read(reader: &mut Reader<'_>, environment: BTreeMap<String, String>) -> Self {
        let storage = StorageSettings::read(reader);
        let auth = AuthMode::read(reader);
        Self {
            database: DatabaseSettings::read(reader),
            uploads: UploadRules::read(reader, &storage),
            storage,
            s3: S3Settings::read(reader),
            limits: ConcurrencyLimits::read(reader),
            docker: DockerEnvironment::read(reader),
            auth,
            origins: reader.parsed("ODDISH_CORS_ORIGINS", Origins::usual(auth)),
            judges: Judges::read(reader),
            host: reader.parsed("ODDISH_API_HOST", IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: reader.parsed("ODDISH_API_PORT", 8000),
            start_workers: reader.flag("ODDISH_AUTO_START_WORKERS", true),
            launcher: LauncherSettings::read(reader),
            retries: RetrySettings::read(reader),
            home: reader.optional("ODDISH_HOME").unwrap_or_else(|| default_home(&environment)),
            postgres_programs: reader.optional("ODDISH_POSTGRES_BIN"),
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
        environment.insert("DATABASE_URL".into(), database_url.into());
        environment.insert("ODDISH_LOCAL_STORAGE_DIR".into(), self.storage.local_storage_dir.clone().into());
        if let Some(secret) = secret {
            environment.insert(SECRET_KEY.into(), secret.expose().into());
        }
        environment
    }
}

/// The variables of the environment and of `.env` below it: a variable of the environment goes before one of the file.
pub(crate) fn environment() -> anyhow::Result<BTreeMap<String, String>> {
    let mut environment = BTreeMap::new();
    match dotenvy::dotenv_iter() {
        Ok(variables) => {
            for variable in variables {
                let (name, value) = variable.context(".env cannot be read: mend the line, or move the file away")?;
                environment.insert(name, value);
            }
        }
        Err(error) if error.not_found() => {}
        Err(error) => return Err(error).context(".env cannot be read"),
    }
    // Names and values that are not Unicode are none of ours, and Harbor would not take them either.
    let own =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    environment.extend(own);
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

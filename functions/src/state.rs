//! What handlers may ask for, each capability a type of its own.
//!
//! A handler names the capabilities that it uses, and its function builds those and no others; the local server builds them all.

use std::sync::Arc;

use axum::extract::FromRef;
use oddish_artifacts::{SharedStore, StorageSettings};
use oddish_db::{DatabaseSettings, NoDatabase};
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::host_access::ALLOW_HOST_ACCESS;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::{SECRET_KEY, SealingKey};
use oddish_domain::settings::{Reader, Settings, SettingsFaults};
use oddish_domain::task_toml::AGENT_TIMEOUT_SEC;
use oddish_wake::WakeSettings;

use crate::auth::{Auth, AuthMode};
use crate::judging::Judges;

pub use oddish_db::Db;
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

/// What a form may bring to a function, in bytes. Lambda hands over 6 MB of payload (AWS, Lambda quotas), where the body is in base64 and
/// the event around it counts too.
const LAMBDA_FORM_BYTES: u64 = 4 << 20;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Variables of the environment are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsFaults),
    /// No database is configured.
    #[error(transparent)]
    NoDatabase(#[from] NoDatabase),
    /// The store cannot be opened.
    #[error("the artifact store cannot be opened")]
    Store(#[from] oddish_artifacts::StoreError),
}

/// Capabilities that can be built from the environment's settings, without connecting to anything yet.
pub trait FromSettings: Clone + Send + Sync + Sized + 'static {
    /// Builds them.
    fn from_settings(settings: &Settings) -> impl Future<Output = Result<Self, StateError>>;
}

/// For functions that need the database only.
#[derive(Clone, Debug, FromRef)]
pub struct Reads {
    auth: Auth,
    db: Db,
}

/// For functions that read the database and files.
#[derive(Clone, Debug, FromRef)]
pub struct ReadsFiles {
    auth: Auth,
    db: Db,
    artifacts: Artifacts,
}

/// For the function that takes uploads.
#[derive(Clone, Debug, FromRef)]
pub struct Uploads {
    auth: Auth,
    db: Db,
    artifacts: Artifacts,
    rules: UploadRules,
}

/// For the function that announces imports.
#[derive(Clone, Debug, FromRef)]
pub struct Imports {
    auth: Auth,
    db: Db,
    artifacts: Artifacts,
    limits: Limits,
}

/// For the function that creates sweeps.
#[derive(Clone, Debug, FromRef)]
pub struct Sweeps {
    auth: Auth,
    db: Db,
    judges: Judges,
    limits: Limits,
    expansion: Expansion,
    wake: Wake,
}

/// For functions that change what the dispatcher does next.
#[derive(Clone, Debug, FromRef)]
pub struct Wakes {
    auth: Auth,
    db: Db,
    wake: Wake,
}

/// For functions that have trials and tasks judged.
#[derive(Clone, Debug, FromRef)]
pub struct Judging {
    auth: Auth,
    db: Db,
    limits: Limits,
    judges: Judges,
    wake: Wake,
}

/// For functions that ask nobody for a key and need the database only.
#[derive(Clone, Debug, FromRef)]
pub struct Public {
    db: Db,
}

/// For functions that ask nobody for a key and read files.
#[derive(Clone, Debug, FromRef)]
pub struct PublicFiles {
    db: Db,
    artifacts: Artifacts,
}

/// For functions that delete.
#[derive(Clone, Debug, FromRef)]
pub struct Deletes {
    auth: Auth,
    db: Db,
    artifacts: Artifacts,
    wake: Wake,
}

/// For functions that need nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

/// Everything, for the local server.
#[derive(Clone, Debug, FromRef)]
pub struct Everything {
    /// Who may call.
    pub auth: Auth,
    /// The database.
    pub db: Db,
    /// Object storage.
    pub artifacts: Artifacts,
    /// What holds for uploads.
    pub rules: UploadRules,
    /// Who judges.
    pub judges: Judges,
    /// Limits of new queue keys.
    pub limits: Limits,
    /// How sweeps are expanded.
    pub expansion: Expansion,
    /// Wakes the dispatcher.
    pub wake: Wake,
}

/// Connects at the first query.
pub(crate) fn lazy_db(settings: &Settings) -> Result<Db, StateError> {
    let database = settings.read(DatabaseSettings::read)?;
    // A function serves one request at a time: one connection is all that it can use.
    Ok(oddish_db::connect_lazy(&database.required()?, 1))
}

/// The store that the settings choose.
pub(crate) async fn artifacts(settings: &Settings) -> Result<Artifacts, StateError> {
    let storage = settings.read(StorageSettings::read)?;
    Ok(Artifacts(storage.open(storage.signing()).await?))
}

/// What holds for uploads.
fn upload_rules(settings: &Settings) -> Result<UploadRules, StateError> {
    let mut rules = settings.read(|reader| {
        let storage = StorageSettings::read(reader);
        UploadRules::read(reader, &storage)
    })?;
    rules.max_form_bytes = rules.max_bytes.min(LAMBDA_FORM_BYTES);
    Ok(rules)
}

/// Wakes the dispatcher the way that the settings say.
pub(crate) async fn wake(settings: &Settings, db: &Db) -> Result<Wake, StateError> {
    Ok(Wake::connect(db.clone(), &settings.read(WakeSettings::read)?).await)
}

/// The database, and who may call.
fn access(settings: &Settings) -> Result<(Auth, Db), StateError> {
    let mode = settings.read(AuthMode::read)?;
    let db = lazy_db(settings)?;
    Ok((Auth::new(mode, &db), db))
}

impl FromSettings for Nothing {
    async fn from_settings(_settings: &Settings) -> Result<Self, StateError> {
        Ok(Self)
    }
}

impl FromSettings for Reads {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let (auth, db) = access(settings)?;
        Ok(Self { auth, db })
    }
}

impl FromSettings for Wakes {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let (auth, db) = access(settings)?;
        Ok(Self { auth, wake: wake(settings, &db).await?, db })
    }
}

impl FromSettings for ReadsFiles {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let artifacts = artifacts(settings).await?;
        let (auth, db) = access(settings)?;
        Ok(Self { auth, db, artifacts })
    }
}

impl FromSettings for Uploads {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let (artifacts, rules) = (artifacts(settings).await?, upload_rules(settings)?);
        let (auth, db) = access(settings)?;
        Ok(Self { auth, db, artifacts, rules })
    }
}

/// What holds for sweeps that say nothing else.
fn limits(reader: &mut Reader<'_>) -> Limits {
    let concurrency = Arc::new(ConcurrencyLimits::read(reader));
    Limits { concurrency, max_attempts: RetrySettings::read(reader).max_attempts }
}

/// What holds while sweeps are expanded.
fn expansion(reader: &mut Reader<'_>) -> Expansion {
    let sealing = reader.get(&SECRET_KEY).as_ref().map(SealingKey::of);
    Expansion { sealing, docker: DockerEnvironment::read(reader), allow_host_access: reader.get(&ALLOW_HOST_ACCESS) }
}

impl FromSettings for Imports {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let artifacts = artifacts(settings).await?;
        let (auth, db) = access(settings)?;
        Ok(Self { auth, db, artifacts, limits: settings.read(limits)? })
    }
}

impl FromSettings for Public {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        Ok(Self { db: lazy_db(settings)? })
    }
}

impl FromSettings for PublicFiles {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let artifacts = artifacts(settings).await?;
        Ok(Self { db: lazy_db(settings)?, artifacts })
    }
}

impl FromSettings for Deletes {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let artifacts = artifacts(settings).await?;
        let (auth, db) = access(settings)?;
        Ok(Self { auth, artifacts, wake: wake(settings, &db).await?, db })
    }
}

impl FromSettings for Judging {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let (auth, db) = access(settings)?;
        let (limits, judges) = settings.read(|reader| (limits(reader), Judges::read(reader)))?;
        Ok(Self { auth, limits, judges, wake: wake(settings, &db).await?, db })
    }
}

impl FromSettings for Sweeps {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let (auth, db) = access(settings)?;
        let (limits, judges, expansion) =
            settings.read(|reader| (limits(reader), Judges::read(reader), expansion(reader)))?;
        Ok(Self { auth, judges, limits, expansion, wake: wake(settings, &db).await?, db })
    }
}

//! What handlers may ask for, each capability a type of its own.
//!
//! A handler names the capabilities that it uses, and its function builds those and no others; the local server builds them all.

use axum::extract::FromRef;
use oddish_artifacts::StorageSettings;
use oddish_db::{DatabaseSettings, NoDatabase};
use oddish_domain::settings::{Settings, SettingsFaults};
use oddish_wake::WakeSettings;

use crate::auth::{Auth, AuthMode};

pub use oddish::Db;
pub use oddish::capabilities::{Artifacts, Expansion, Limits, UploadRules, Wake};
pub use oddish::judging::Judges;

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

impl FromSettings for Imports {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let artifacts = artifacts(settings).await?;
        let (auth, db) = access(settings)?;
        Ok(Self { auth, db, artifacts, limits: settings.read(Limits::read)? })
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
        let (limits, judges) = settings.read(|reader| (Limits::read(reader), Judges::read(reader)))?;
        Ok(Self { auth, limits, judges, wake: wake(settings, &db).await?, db })
    }
}

impl FromSettings for Sweeps {
    async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
        let (auth, db) = access(settings)?;
        let (limits, judges, expansion) =
            settings.read(|reader| (Limits::read(reader), Judges::read(reader), Expansion::read(reader)))?;
        Ok(Self { auth, judges, limits, expansion, wake: wake(settings, &db).await?, db })
    }
}

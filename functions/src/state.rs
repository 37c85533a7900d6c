//! Sets of capabilities, one of which each endpoint works with.
//!
//! A handler's signature says which capabilities it uses, and the compiler holds it to the set that its row in [`endpoints`](crate::endpoints)
//! names. A function builds the capabilities of its set and no others; the local server builds them all ([`Everything`]).

use std::cell::OnceCell;

use axum::extract::FromRef;
use oddish_artifacts::StorageSettings;
use oddish_db::{DatabaseSettings, NoDatabase};
use oddish_domain::settings::{Settings, SettingsFaults};
use oddish_wake::WakeSettings;

pub use oddish::Db;
pub use oddish::capabilities::{Artifacts, Expansion, Limits, UploadRules, Wake};
pub use oddish::judging::Judges;

pub use crate::capabilities::{Capabilities, Files};
use crate::http::auth::{Auth, AuthMode};

/// Bytes of a form that a function takes at most. Lambda hands over 6 MB of payload (AWS, Lambda quotas), where the body is in base64 and
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

/// A set of capabilities.
pub trait State: Clone + Send + Sync + Sized + 'static {
    /// What a function with this set may do.
    const CAPABILITIES: Capabilities;

    /// Builds the set from the environment's settings. Connections are made when they are first used.
    fn from_settings(settings: &Settings) -> impl Future<Output = Result<Self, StateError>>;

    /// Takes the set from all capabilities.
    fn of(everything: &Everything) -> Self;
}

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident $(($files:ident))? { $($field:ident: $capability:ty),* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, FromRef)]
            pub struct $name {
                $(#[doc = concat!("See [`", stringify!($capability), "`].")] pub $field: $capability,)*
            }

            impl State for $name {
                const CAPABILITIES: Capabilities = Capabilities { $(files: Some(Files::$files),)? ..Capabilities::NONE }
                    $(.and(<$capability as Capability>::ADDS))*;

                async fn from_settings(settings: &Settings) -> Result<Self, StateError> {
                    let source = Source { settings, db: OnceCell::new() };
                    Ok(Self { $($field: <$capability as Capability>::build(&source).await?),* })
                }

                fn of(everything: &Everything) -> Self {
                    Self { $($field: everything.$field.clone()),* }
                }
            }
        )*
    };
}

sets! {
    /// The database, without keys.
    Public { db: Db }
    /// The database and what is stored, without keys.
    PublicFiles(Read) { db: Db, artifacts: Artifacts }
    /// The database.
    Database { auth: Auth, db: Db }
    /// The database and what is stored.
    DatabaseAndFiles(Read) { auth: Auth, db: Db, artifacts: Artifacts }
    /// Changes what the dispatcher does next.
    Wakes { auth: Auth, db: Db, wake: Wake }
    /// Has trials and tasks judged.
    Judging { auth: Auth, db: Db, limits: Limits, judges: Judges, wake: Wake }
    /// Creates sweeps.
    Sweeps { auth: Auth, db: Db, judges: Judges, limits: Limits, expansion: Expansion, wake: Wake }
    /// Gives URLs for uploads of tasks.
    AnnouncesUploads(Announce) { auth: Auth, db: Db, artifacts: Artifacts, rules: UploadRules }
    /// Takes archives of tasks that come with the request.
    StoresUploads(Store) { auth: Auth, db: Db, artifacts: Artifacts, rules: UploadRules }
    /// Takes archives of tasks that were uploaded.
    AcceptsUploads(Accept) { auth: Auth, db: Db, artifacts: Artifacts, rules: UploadRules }
    /// Gives URLs for uploads of trials.
    AnnouncesImports(Announce) { auth: Auth, db: Db, artifacts: Artifacts, limits: Limits }
    /// Takes archives of trials that were uploaded.
    AcceptsImports(Replace) { auth: Auth, db: Db, artifacts: Artifacts, rules: UploadRules }
    /// Deletes rows and what is stored of them.
    Deletes(Delete) { auth: Auth, db: Db, artifacts: Artifacts, wake: Wake }
    /// Every capability, for the local server.
    Everything {
        auth: Auth,
        db: Db,
        artifacts: Artifacts,
        rules: UploadRules,
        judges: Judges,
        limits: Limits,
        expansion: Expansion,
        wake: Wake
    }
}

/// No capability.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl State for Nothing {
    const CAPABILITIES: Capabilities = Capabilities::NONE;

    async fn from_settings(_: &Settings) -> Result<Self, StateError> {
        Ok(Self)
    }

    fn of(_: &Everything) -> Self {
        Self
    }
}

/// What capabilities are built from.
struct Source<'a> {
    settings: &'a Settings,
    /// One pool for all that need one.
    db: OnceCell<Db>,
}

impl Source<'_> {
    fn db(&self) -> Result<&Db, StateError> {
        if let Some(db) = self.db.get() {
            return Ok(db);
        }
        let db = lazy_db(self.settings)?;
        Ok(self.db.get_or_init(|| db))
    }
}

/// A capability that can be built from settings.
trait Capability: Sized {
    /// What a function that has it may do. What it does in the bucket is said by its set.
    const ADDS: Capabilities;

    async fn build(source: &Source<'_>) -> Result<Self, StateError>;
}

impl Capability for Db {
    const ADDS: Capabilities = Capabilities { database: true, ..Capabilities::NONE };

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        source.db().cloned()
    }
}

impl Capability for Auth {
    const ADDS: Capabilities = Capabilities { auth: true, ..Capabilities::NONE };

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        let mode = source.settings.read(AuthMode::read)?;
        Ok(Self::new(mode, source.db()?))
    }
}

impl Capability for Artifacts {
    const ADDS: Capabilities = Capabilities::NONE;

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        artifacts(source.settings).await
    }
}

impl Capability for UploadRules {
    const ADDS: Capabilities = Capabilities { uploads: true, ..Capabilities::NONE };

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        let mut rules = source.settings.read(|reader| {
            let storage = StorageSettings::read(reader);
            Self::read(reader, &storage)
        })?;
        rules.max_form_bytes = rules.max_bytes.min(LAMBDA_FORM_BYTES);
        Ok(rules)
    }
}

impl Capability for Limits {
    const ADDS: Capabilities = Capabilities { limits: true, ..Capabilities::NONE };

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        Ok(source.settings.read(Self::read)?)
    }
}

impl Capability for Judges {
    const ADDS: Capabilities = Capabilities::NONE;

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        Ok(source.settings.read(Self::read)?)
    }
}

impl Capability for Expansion {
    const ADDS: Capabilities = Capabilities { sweeps: true, ..Capabilities::NONE };

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        Ok(source.settings.read(Self::read)?)
    }
}

impl Capability for Wake {
    const ADDS: Capabilities = Capabilities { wakes: true, ..Capabilities::NONE };

    async fn build(source: &Source<'_>) -> Result<Self, StateError> {
        wake(source.settings, source.db()?).await
    }
}

/// Connects at the first query.
pub(crate) fn lazy_db(settings: &Settings) -> Result<Db, StateError> {
    let database = settings.read(DatabaseSettings::read)?;
    // A function serves one request at a time, so one connection is enough.
    Ok(oddish_db::connect_lazy(&database.required()?, 1))
}

/// The store that the settings choose.
pub(crate) async fn artifacts(settings: &Settings) -> Result<Artifacts, StateError> {
    let storage = settings.read(StorageSettings::read)?;
    Ok(Artifacts(storage.open(storage.signing()).await?))
}

/// Wakes the dispatcher the way that the settings say.
pub(crate) async fn wake(settings: &Settings, db: &Db) -> Result<Wake, StateError> {
    Ok(Wake::connect(db.clone(), &settings.read(WakeSettings::read)?).await)
}

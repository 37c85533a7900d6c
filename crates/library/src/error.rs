//! What can go wrong.

use http::StatusCode;
use oddish_artifacts::StoreError;
use oddish_artifacts::archive::PackError;
use oddish_db::schema::MigrateError;
use oddish_db::{ConnectError, DbError, NoDatabase};
use oddish_dispatcher::RunnerMissing;
use oddish_domain::sealing::SECRET_KEY;
use oddish_domain::settings::SettingsFaults;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Variables of the environment are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsFaults),
    /// No database is configured.
    #[error(transparent)]
    NoDatabase(#[from] NoDatabase),
    /// The database cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A query failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database is used with another secret.
    #[error(
        "the database is used with another {SECRET_KEY} than this one: that one is from {0}. Give this program that one; to replace it on purpose, \
         stop everything that uses the database and run `oddish-server secret replace`"
    )]
    OtherSecret(String),
    /// The artifact store cannot be opened.
    #[error("the artifact store cannot be opened")]
    Store(#[from] StoreError),
    /// The task's folder cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// What was asked for is refused, for a reason that an API would give with this status.
    #[error("{detail}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// A request or an answer is not what it should be: a fault of this library.
    #[error("a handler gave an answer that cannot be read")]
    Answer(#[from] serde_json::Error),
    /// There is no program that runs trials.
    #[error(transparent)]
    Runner(#[from] RunnerMissing),
    /// The worker broke.
    #[error("the worker broke")]
    Worker(#[from] tokio::task::JoinError),
}

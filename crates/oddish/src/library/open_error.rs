//! Why Oddish cannot be opened.

use oddish_artifacts::StoreError;
use oddish_db::schema::MigrateError;
use oddish_db::{ConnectError, DbError, NoDatabase};
use oddish_domain::sealing::SECRET_KEY;
use oddish_domain::settings::SettingsFaults;

/// Why Oddish cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
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
}

//! Migrations, and emptying or dropping everything.

use sqlx::migrate::Migrator;

use crate::error::Doing;
use crate::{Db, DbError};

/// The migrations that this build brings, from `migrations/`. Their table is `oddish.schema_migrations`.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Why migrating failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server is too old.
    #[error(
        "Postgres {found} is too old: Oddish needs {MINIMUM_POSTGRES} or newer. Upgrade the server, or point DATABASE_URL at another one"
    )]
    TooOld {
        /// Major version of the server.
        found: i32,
    },
    /// A migration failed or the recorded ones do not fit this build.
    #[error("the database schema could not be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Oldest Postgres that the schema works on.
pub const MINIMUM_POSTGRES: i32 = 15;

/// One migration and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// Applies the migrations that the database lacks. Safe to call from several processes at once.
///
/// Holds a session's lock, so it connects to the server itself, past a pooler.
pub async fn migrate(db: &Db) -> Result<(), MigrateError> {
    let version = sqlx::query_scalar!("select current_setting('server_version_num')::int")
        .fetch_one(db)
        .await
        .doing("ask for the server's version")?
        .unwrap_or_default()
        / 10_000;
    if version < MINIMUM_POSTGRES {
        return Err(MigrateError::TooOld { found: version });
    }
    let mut session = db.session().await.doing("connect to the server itself")?;
    MIGRATOR.run_direct(None, &mut session, false).await.map_err(MigrateError::Migrate)
}

/// Which migrations the database has.
pub async fn status(db: &Db) -> Result<Vec<MigrationStatus>, DbError> {
    let doing = "read which migrations were applied";
    let exists = sqlx::query_scalar!("select to_regclass('oddish.schema_migrations') is not null")
        .fetch_one(db)
        .await
        .doing(doing)?
        .unwrap_or_default();
    let applied: Vec<i64> = if exists {
        // The migrator owns this table, which the compile-time check of queries may not know yet.
        sqlx::query_scalar("select version from oddish.schema_migrations where success")
            .fetch_all(db)
            .await
            .doing(doing)?
    } else {
        Vec::new()
    };
    Ok(MIGRATOR
        .iter()
        .map(|migration| MigrationStatus {
            version: migration.version,
            description: migration.description.to_string(),
            applied: applied.contains(&migration.version),
        })
        .collect())
}

/// Drops everything that Oddish has in the database, and creates it anew, empty.
pub async fn reset(db: &Db) -> Result<(), MigrateError> {
    let drop = sqlx::raw_sql("drop schema if exists oddish cascade");
    drop.execute(db).await.doing("drop the schema")?;
    migrate(db).await
}

/// Deletes all tasks, trials, experiments and queue keys; the schema and the record of its migrations stay.
pub async fn purge(db: &Db) -> Result<(), DbError> {
    sqlx::query!(
        "truncate oddish.attempts, oddish.jobs, oddish.slots, oddish.trial_tallies, oddish.trial_imports, oddish.trials, \
         oddish.uploads, oddish.task_files, oddish.task_versions, \
         oddish.tasks, oddish.experiments, oddish.queue_keys, oddish.idempotency_keys, oddish.dispatchers restart identity"
    )
    .execute(db)
    .await
    .doing("delete all rows")?;
    Ok(())
}

/// Whether the database answers.
pub async fn ping(db: &Db) -> Result<(), DbError> {
    sqlx::raw_sql("").execute(db).await.doing("ask whether the database answers")?;
    Ok(())
}

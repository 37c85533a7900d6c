//! Migrations, and emptying or dropping everything.

use sqlx::PgExecutor;
use sqlx::migrate::{Migrate as _, Migrator};

use crate::error::Doing;
use crate::{Db, DbError};

const MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// The migrations that this build brings, from `migrations/`. Their table is `oddish.schema_migrations`. [`migrate`] applies them; by itself
/// this value refuses every migration that it does not know.
pub static MIGRATOR: Migrator = MIGRATIONS;

/// Description of migration 1, after its file's name.
const BASELINE: &str = "baseline";
/// How the description of a migration begins that programs from before it cannot work with.
const BREAKING: &str = "breaking ";

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
    /// The database has another migration 1.
    #[error(
        "this database was made before the baseline of the migrations (its migration 1 is `{found}`, not `{BASELINE}`) and cannot be \
         migrated: run `oddish-server db reset`, which deletes everything that Oddish has in it, or point DATABASE_URL at another database"
    )]
    BeforeBaseline {
        /// Description of that migration.
        found: String,
    },
    /// A newer version applied a migration that this build cannot work with.
    #[error(
        "a newer version of Oddish applied migration {version:04} (`{description}`) to this database, and this version cannot work with it: \
         deploy the version that brought it, or a newer one, or restore a backup from before it"
    )]
    Breaking {
        /// Number of the newest such migration.
        version: i64,
        /// Its description.
        description: String,
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
    /// Whether this build brings it. Otherwise another version applied it.
    pub known: bool,
}

/// Applies the migrations that the database lacks. Safe to call from several processes at once.
///
/// Migrations of a newer version, which this build does not know, are accepted unless they say that they break older programs.
///
/// Holds a session's lock, so it connects to the server itself, past a pooler. The session ends here, also after a failure, and the lock
/// with it.
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
    session.lock().await.map_err(MigrateError::Migrate)?;
    check(&recorded(&mut session).await?)?;
    let mut migrator = MIGRATIONS;
    migrator.set_locking(false).set_ignore_missing(true);
    migrator.run_direct(None, &mut session, false).await.map_err(MigrateError::Migrate)
}

/// Whether this build can work with the migrations on record.
fn check(recorded: &[Recorded]) -> Result<(), MigrateError> {
    if let Some(first) = recorded.iter().find(|row| row.version == 1 && row.description != BASELINE) {
        return Err(MigrateError::BeforeBaseline { found: first.description.clone() });
    }
    let unknown: Vec<&Recorded> = recorded.iter().filter(|row| !row.is_known()).collect();
    if let Some(newest) = unknown.iter().rfind(|row| row.description.starts_with(BREAKING)) {
        return Err(MigrateError::Breaking { version: newest.version, description: newest.description.clone() });
    }
    if let Some(newest) = unknown.last() {
        tracing::warn!(
            migration = newest.version,
            "a newer version migrated this database; this version works with its migrations"
        );
    }
    Ok(())
}

/// A row of `oddish.schema_migrations`.
#[derive(sqlx::FromRow)]
struct Recorded {
    version: i64,
    description: String,
    success: bool,
}

impl Recorded {
    fn is_known(&self) -> bool {
        MIGRATOR.iter().any(|ours| ours.version == self.version && ours.description == self.description)
    }
}

/// The migrations that the database has on record, by number.
async fn recorded(executor: impl PgExecutor<'_>) -> Result<Vec<Recorded>, DbError> {
    // The migrator owns this table, which the compile-time check of queries may not know yet.
    let recorded =
        sqlx::query_as("select version, description, success from oddish.schema_migrations order by version")
            .fetch_all(executor)
            .await;
    match recorded {
        // Neither the schema nor the table is there.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("3F000" | "42P01")) => {
            Ok(Vec::new())
        }
        recorded => recorded.doing("read which migrations were applied"),
    }
}

/// The migrations that this build brings, and those that another version applied, by number.
pub async fn status(db: &Db) -> Result<Vec<MigrationStatus>, DbError> {
    let mut recorded = recorded(db).await?;
    recorded.retain(|row| row.success);
    let ours = MIGRATOR.iter().map(|ours| (ours.version, &*ours.description, true));
    let others = recorded.iter().filter(|row| !row.is_known()).map(|row| (row.version, &*row.description, false));
    let mut all: Vec<MigrationStatus> = ours
        .chain(others)
        .map(|(version, description, known)| MigrationStatus {
            version,
            description: description.to_owned(),
            applied: recorded.iter().any(|row| row.version == version && row.description == description),
            known,
        })
        .collect();
    all.sort_by_key(|migration| migration.version);
    Ok(all)
}

/// Drops everything that Oddish has in the database, whatever made it, and creates it again, empty.
pub async fn reset(db: &Db) -> Result<(), MigrateError> {
    sqlx::raw_sql("drop schema if exists oddish cascade").execute(db).await.doing("drop the schema")?;
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
    .done("delete all rows")
}

/// Whether the database answers.
pub async fn ping(db: &Db) -> Result<(), DbError> {
    sqlx::raw_sql("").execute(db).await.done("ask whether the database answers")
}

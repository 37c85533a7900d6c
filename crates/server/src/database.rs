//! The database: the one that is configured, else a private Postgres.

use anyhow::Context as _;
use oddish_db::{DatabaseUrl, Db, schema};
use oddish_private_postgres::{Options, PrivatePostgres};

use crate::folders;
use crate::settings::ServerSettings;

/// Folder of the private Postgres below `ODDISH_HOME`.
const PRIVATE_FOLDER: &str = "postgres";

/// Where the database is: the configured URL, or that of the private server, which is started if it does not run. It is left running
/// when this process ends, so that runners that outlive it can still record what they found.
pub(crate) async fn locate(settings: &ServerSettings) -> anyhow::Result<DatabaseUrl> {
    if let Some(url) = &settings.database.url {
        return Ok(url.clone());
    }
    folders::check_home(&settings.home)?;
    let folder = settings.home.join(PRIVATE_FOLDER);
    tracing::info!(folder = %folder.display(), "no DATABASE_URL is set: using a private Postgres");
    let programs = settings.postgres_programs.clone();
    let options = Options { programs, max_connections: connections(settings), ..Options::new(folder) };
    let server = tokio::task::spawn_blocking(move || PrivatePostgres::start(&options))
        .await?
        .context("no database: DATABASE_URL is not set, and a private Postgres could not be started")?;
    server.url().parse().map_err(anyhow::Error::msg)
}

/// How many connections the private server takes: two for each runner, those of two servers, and some for operators.
fn connections(settings: &ServerSettings) -> u16 {
    let runners = settings.worker.launcher.max_runners;
    let wanted = runners.saturating_add(settings.database.pool_size).saturating_mul(2).saturating_add(20);
    u16::try_from(wanted.clamp(100, 10_000)).unwrap_or(u16::MAX)
}

/// Connects to the database without touching the schema.
pub(crate) async fn connect(settings: &ServerSettings, url: &DatabaseUrl) -> anyhow::Result<Db> {
    Ok(oddish_db::connect(url, settings.database.pool_size).await?)
}

/// Connects, and applies the migrations that are missing.
pub(crate) async fn open(settings: &ServerSettings, url: &DatabaseUrl) -> anyhow::Result<Db> {
    let db = connect(settings, url).await?;
    schema::migrate(&db).await.with_context(|| format!("the database at {}", url.place()))?;
    Ok(db)
}

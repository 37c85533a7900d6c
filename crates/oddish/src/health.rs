//! Health and versions of the service.

use oddish_api_types::{HealthResponse, SchemaVersion, VersionResponse};
use oddish_db::{Db, schema};
use oddish_domain::harbor_settings::HARBOR_VERSION;
use time::OffsetDateTime;

use crate::Error;

/// Set by the build of images and functions. A build argument that is not given may arrive as an empty text.
pub(crate) const COMMIT: Option<&str> = match option_env!("ODDISH_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};

/// Asks the database whether it answers.
pub async fn check(db: &Db, now: OffsetDateTime) -> HealthResponse {
    let (status, database) = match schema::ping(db).await {
        Ok(()) => ("healthy", "connected"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            ("degraded", "disconnected")
        }
    };
    HealthResponse { status: status.to_owned(), database: database.to_owned(), timestamp: now }
}

/// Returns the versions of this program, of Harbor and of the schema.
pub async fn version(db: &Db) -> Result<VersionResponse, Error> {
    let migrations = schema::status(db).await?;
    let applied = migrations.iter().filter(|one| one.applied).map(|one| one.version).max();
    let newest = schema::MIGRATOR.iter().map(|ours| ours.version).max().unwrap_or_default();
    Ok(VersionResponse {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        commit: COMMIT.map(str::to_owned),
        harbor: HARBOR_VERSION.to_owned(),
        schema: SchemaVersion { applied, newest },
    })
}

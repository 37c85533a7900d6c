//! Whether the service can do its work.

use oddish_api_types::HealthResponse;
use oddish_db::{Db, schema};
use time::OffsetDateTime;

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

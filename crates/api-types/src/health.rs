//! `GET /health` and `GET /version`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Whether the service can do its work. Always sent with status 200.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "status": "healthy", "database": "connected", "timestamp": "2026-04-09T10:00:00Z"
}))))]
pub struct HealthResponse {
    /// `healthy`, or `degraded` when the database does not answer.
    pub status: String,
    /// `connected` or `disconnected`.
    pub database: String,
    /// When this was measured.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
}

/// Versions of the program and of what it works with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "program": "0.1.0", "commit": "4f0c9a52d1f6a9d0c1d7f5b0f3f5d6f4f8f2b7c1", "harbor": "0.26.0",
    "schema": {"applied": 12, "newest": 12}
}))))]
pub struct VersionResponse {
    /// Version of the program that answers.
    pub program: String,
    /// Commit that it was built from; null where the build did not name one.
    pub commit: Option<String>,
    /// Version of Harbor that it is made for.
    pub harbor: String,
    /// Migrations of the database.
    pub schema: SchemaVersion,
}

/// Numbers of migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"applied": 5, "newest": 5}))))]
pub struct SchemaVersion {
    /// Newest migration that the database has; null when it has none.
    pub applied: Option<i64>,
    /// Newest migration that this program brings.
    pub newest: i64,
}

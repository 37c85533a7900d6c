//! `GET /health`.

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

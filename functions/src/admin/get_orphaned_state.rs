//! `GET /admin/orphaned-state`.

use axum::Json;
use axum::extract::State;
use oddish::admin;
use oddish_api_types::{ErrorBody, OrphanedStateResponse};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::state::Db;

/// A runner that is silent for longer than its lease and the time of suspicion is taken for dead anyway.
const STALE_AFTER_DEFAULT: u32 = 10;

/// What counts as stale.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Staleness {
    /// Minutes after which a silent runner counts.
    #[param(minimum = 1, maximum = 240)]
    stale_after_minutes: u32,
}

impl Default for Staleness {
    fn default() -> Self {
        Self { stale_after_minutes: STALE_AFTER_DEFAULT }
    }
}

/// Returns trials whose runner is silent, and tasks that should have ended.
///
/// The dispatcher resolves the trials by itself. Tasks in this list are a fault of the system.
#[utoipa::path(get, path = "/admin/orphaned-state", operation_id = "get_orphaned_state", tag = "admin", params(Staleness),
    responses((status = 200, body = OrphanedStateResponse), (status = 422, body = ErrorBody)))]
pub async fn get_orphaned_state(
    _: Authed<Full>,
    State(db): State<Db>,
    Query(Staleness { stale_after_minutes }): Query<Staleness>,
) -> Result<Json<OrphanedStateResponse>, ApiError> {
    let now = OffsetDateTime::now_utc();
    admin::orphaned_state(&db, stale_after_minutes, now).await.map(Json).map_err(ApiError::in_query)
}

//! `GET /admin/slots`.

use axum::Json;
use axum::extract::State;
use oddish::admin;
use oddish_api_types::SlotsResponse;
use time::OffsetDateTime;

use crate::http::auth::{Authed, Full};
use crate::http::error::ApiError;
use crate::state::Db;

/// Lists the slots of every queue key and the jobs that hold them.
#[utoipa::path(get, path = "/admin/slots", operation_id = "get_slots", tag = "admin",
    responses((status = 200, body = SlotsResponse)))]
pub async fn get_slots(_: Authed<Full>, State(db): State<Db>) -> Result<Json<SlotsResponse>, ApiError> {
    Ok(Json(admin::slots(&db, OffsetDateTime::now_utc()).await?))
}

//! `POST /api-keys`.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use oddish_api_types::{CreateApiKeyRequest, CreatedApiKeyResponse, ErrorBody};
use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_domain::api_key::{GeneratedKey, MAX_DAYS, Scope, UnknownScope};
use oddish_domain::label;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::present;
use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::Db;

/// Makes a key. The answer is the only time that it is shown.
#[utoipa::path(post, path = "/api-keys", operation_id = "create_api_key", tag = "api keys", request_body = CreateApiKeyRequest,
    responses((status = 200, body = CreatedApiKeyResponse), (status = 400, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn create_api_key(
    caller: Authed<Full>,
    State(db): State<Db>,
    Body(request): Body<CreateApiKeyRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let now = OffsetDateTime::now_utc();
    let name = checked("name", &request.name)?;
    let owner = request.owner.as_deref().map(|owner| checked("owner", owner)).transpose()?;
    let scope = request.scope.as_deref().unwrap_or(Scope::Full.as_str()).parse();
    let new = NewApiKey {
        name,
        owner: owner.or(caller.owner.as_deref()).unwrap_or(name),
        scope: scope.map_err(|unknown: UnknownScope| ApiError::bad_request(unknown.to_string()))?,
        expires_at: request.expires_in_days.map(days).transpose()?.map(|days| now + days),
    };
    let key = GeneratedKey::draw();
    let mut work = Work::begin(&db).await?;
    let stored = api_keys::create(&mut work, &key, &new, now).await?;
    work.finish(&Value::Null).await?;
    let answer = CreatedApiKeyResponse { key: key.text, about: present(stored, now) };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

fn checked<'a>(field: &str, text: &'a str) -> Result<&'a str, ApiError> {
    label::check(text).map_err(|fault| fault_of(field, format!("{field} {fault}")))
}

fn days(days: u32) -> Result<Duration, ApiError> {
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(fault_of("expires_in_days", format!("expires_in_days must be from 1 to {MAX_DAYS}")));
    }
    Ok(Duration::days(days.into()))
}

fn fault_of(field: &str, rule: String) -> ApiError {
    ApiError::value_error(vec![json!("body"), json!(field)], rule)
}

//! API keys.

mod create_api_key;
mod revoke_api_key;
mod use_of_keys;

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use oddish_db::Db;
use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_functions::http::auth::{Auth, AuthMode};
use oddish_test_api::{Answer, Api};
use serde_json::Value;
use time::OffsetDateTime;

/// Asks with a key, without a body unless there is one.
async fn ask(api: &Api, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {key}"));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    api.ask_whole(request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()).await.1
}

/// Makes a key as `oddish-server keys create` does.
async fn made(db: &Db, owner: &str, scope: Scope, expires_at: Option<OffsetDateTime>) -> (String, String) {
    let key = GeneratedKey::draw();
    let new = NewApiKey { name: "of a test", owner, scope, expires_at };
    let mut work = Work::begin(db).await.unwrap();
    let id = api_keys::create(&mut work, &key, &new, OffsetDateTime::now_utc()).await.unwrap().id;
    work.finish(&Value::Null).await.unwrap();
    (id, key.text)
}

/// One that asks for keys, and believes what it looked up for so long.
fn trusting(db: Db, trusted_for: Duration) -> Api {
    let auth = Auth::trusting(AuthMode::ApiKey, &db, trusted_for);
    Api::with(db, |everything| everything.auth = auth)
}

//! Making, listing and revoking keys, and what becomes of who used them.

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_db::{Db, queue};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_functions::auth::{Auth, AuthMode, TRUSTED_FOR};
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::api::{Answer, Api};
use crate::kept_log::Kept;

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

const LONG: Duration = Duration::from_hours(1);

#[with_database]
async fn a_key_is_shown_once_and_works_until_it_is_revoked(db: Db) {
    let api = trusting(db, Duration::ZERO);
    let (_, first) = made(&api.db, "alice", Scope::Full, None).await;
    let answer = ask(&api, "POST", "/api-keys", &first, Some(json!({"name": " nightly 🦦 ", "scope": "read"}))).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    let created = answer.json();
    let text = created["key"].as_str().unwrap().to_owned();
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&created["name"], &created["scope"], &created["owner"]),
        (&json!("nightly 🦦"), &json!("read"), &json!("alice"))
    );
    assert_eq!(created["key_prefix"], text[..11]);

    let listed = ask(&api, "GET", "/api-keys", &first, None).await;
    assert!(!listed.body.contains(&text) && !listed.body.contains("sha256"), "{listed:?}");
    let entry = |listed: &Answer| {
        listed.json().as_array().unwrap().iter().find(|entry| entry["id"] == *id).expect("the key's entry").clone()
    };
    let (entry, mut about) = (entry(&listed), created.clone());
    about.as_object_mut().unwrap().remove("key");
    assert_eq!(entry, about);
    assert_eq!((&entry["is_active"], &entry["expires_at"]), (&json!(true), &json!(null)));

    assert_eq!(ask(&api, "GET", "/tasks", &text, None).await.status.as_u16(), 200);
    for _ in 0..2 {
        let revoked = ask(&api, "DELETE", &format!("/api-keys/{id}"), &first, None).await;
        assert_eq!(revoked.json(), json!({"status": "revoked", "key_id": id}));
    }
    assert_eq!(ask(&api, "GET", "/tasks", &text, None).await.error(401), "Invalid or expired API key");
    let listed = ask(&api, "GET", "/api-keys", &first, None).await.json();
    let entry = listed.as_array().unwrap().iter().find(|entry| entry["id"] == *id).unwrap();
    assert_eq!(entry["is_active"], false);
    assert!(entry["revoked_at"].is_string() && entry["last_used_at"].is_string(), "{entry}");
}

#[with_database]
async fn a_key_that_cannot_be_made_is_refused(db: Db) {
    // Where nobody needs a key, keys can be made all the same, for the day when somebody does.
    let api = Api::new(db);
    let ask = async |body: Value| api.post("/api-keys", &body.to_string()).await;
    let text = ask(json!({"name": "n", "scope": "admin"})).await.error(400);
    assert_eq!(text, "Invalid scope: admin. Must be one of: full, tasks, read");
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a\u{0}b")),
        ("name", json!("x".repeat(256))),
        ("owner", json!("  ")),
        ("owner", json!("line\nbreak")),
        ("expires_in_days", json!(0)),
        ("expires_in_days", json!(-1)),
        ("expires_in_days", json!(3651)),
        ("expires_in_days", json!(4_294_967_296_u64)),
        ("scope", json!(1)),
    ] {
        let mut body = json!({"name": "n"});
        body[field] = value.clone();
        let text = ask(body).await.error(422);
        assert!(text.contains(&format!(r#"["body","{field}"]"#)), "{field} {value}: {text}");
    }
    assert!(ask(json!({})).await.error(422).contains(r#"["body","name"]"#));
    let misspelt = ask(json!({"name": "n", "scpoe": "read"})).await.error(422);
    assert!(misspelt.contains("unknown field `scpoe`") && misspelt.contains("`scope`"), "{misspelt}");
    let widest = ask(json!({"name": "ü".repeat(255), "expires_in_days": 3650})).await;
    assert_eq!(widest.json()["scope"], "full");
    assert_eq!(widest.json()["owner"], "ü".repeat(255), "whatever it is called");
    assert_eq!(api.delete("/api-keys/nowhere").await.error(404), "API key not found");
    api.delete("/api-keys/a%00b").await.error(400);
    let (headers, _) = api
        .ask_whole(
            Request::post("/api-keys")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(r#"{"name": "n"}"#))
                .unwrap(),
        )
        .await;
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
}

#[with_database]
async fn a_revoked_key_works_no_longer_than_its_look_up_is_believed(db: Db) {
    assert!(TRUSTED_FOR < Duration::from_mins(1), "revoking takes effect within a minute");
    let (id, key) = made(&db, "alice", Scope::Read, None).await;
    let (believing, doubting) = (trusting(db.clone(), LONG), trusting(db.clone(), Duration::ZERO));
    for api in [&believing, &doubting] {
        assert_eq!(ask(api, "GET", "/tasks", &key, None).await.status.as_u16(), 200);
    }
    api_keys::revoke(&db, &id, OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(ask(&believing, "GET", "/tasks", &key, None).await.status.as_u16(), 200);
    ask(&doubting, "GET", "/tasks", &key, None).await.error(401);
}

#[with_database]
async fn a_key_ends_when_it_expires_even_where_it_is_remembered(db: Db) {
    let api = trusting(db, LONG);
    let end = OffsetDateTime::now_utc() + Duration::from_secs(2);
    let (_, key) = made(&api.db, "alice", Scope::Read, Some(end)).await;
    let mut worked = false;
    loop {
        let answer = ask(&api, "GET", "/queues", &key, None).await;
        if answer.status.as_u16() == 401 {
            break;
        }
        worked = true;
        assert!(OffsetDateTime::now_utc() < end + Duration::from_mins(1), "it never ended");
    }
    assert!(worked && OffsetDateTime::now_utc() >= end, "it ended before its time");
}

#[with_database]
async fn that_a_key_was_used_is_noted_to_the_minute(db: Db) {
    let (_, key) = made(&db, "alice", Scope::Read, None).await;
    let hash = oddish_domain::api_key::sha256(&key);
    let begin = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let noted = async |after: u64| {
        api_keys::authenticate(&db, &hash, begin + Duration::from_secs(after)).await.unwrap().unwrap();
        api_keys::list(&db).await.unwrap()[0].last_used_at.map(|at| (at - begin).whole_seconds())
    };
    assert_eq!(noted(0).await, Some(0));
    assert_eq!(noted(59).await, Some(0), "not every request is worth a write");
    assert_eq!(noted(61).await, Some(61));
    assert_eq!(noted(30).await, Some(61), "a clock that is behind takes nothing back");
}

#[with_database]
async fn without_a_database_nobody_is_turned_away_as_unknown(db: Db) {
    // Nobody listens there, and nobody waits for somebody to.
    let away = oddish_db::connect_lazy(&"postgresql://nobody@127.0.0.1:1/nothing".parse().unwrap(), 1);
    away.close().await;
    let auth = Auth::new(AuthMode::ApiKey, &away);
    let api = Api::with(db, |everything| (everything.auth, everything.db) = (auth, away));
    let key = GeneratedKey::draw().text;
    let text = ask(&api, "GET", "/tasks", &key, None).await.error(503);
    assert_eq!(text, "Temporary database connectivity issue. Please retry.");
}

/// Both name the same user; what counts is whose key it is.
#[with_database]
async fn slots_are_shared_between_the_owners_of_keys(db: Db) {
    let api = Api::with_keys(db);
    let (_, alice) = made(&api.db, "alice", Scope::Tasks, None).await;
    let (_, bob) = made(&api.db, "bob", Scope::Tasks, None).await;
    let mut tasks = Vec::new();
    for (key, trials) in [(&alice, 6), (&bob, 6)] {
        let uploaded = Api::new(api.db.clone()).uploaded().await;
        let sweep = json!({"task_id": uploaded, "user": "ci", "configs": [{"agent": "oracle", "n_trials": trials}]});
        let answer = ask(&api, "POST", "/tasks/sweep", key, Some(sweep)).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        tasks.push(uploaded);
    }
    let claims = queue::claim(&api.db, 4, OffsetDateTime::now_utc()).await.unwrap();
    for task in &tasks {
        assert_eq!(claims.iter().filter(|claim| claim.attempt.subject.starts_with(task)).count(), 2, "{claims:?}");
    }
}

#[with_database]
async fn a_key_is_in_no_log_no_row_and_no_debug_output(db: Db) {
    let log = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let auth = Auth::new(AuthMode::ApiKey, &db);
    let api = Api::with(db.clone(), |everything| everything.auth = auth.clone());
    let (_, full) = made(&db, "alice", Scope::Full, None).await;
    let (_, read) = made(&db, "alice", Scope::Read, None).await;
    let unknown = GeneratedKey::draw().text;
    let created = ask(&api, "POST", "/api-keys", &full, Some(json!({"name": "new"}))).await.json();
    let created = serde_json::from_value::<oddish_api_types::CreatedApiKeyResponse>(created).unwrap();
    ask(&api, "GET", "/tasks", &created.key, None).await.json();
    ask(&api, "DELETE", "/api-keys/nowhere", &read, None).await.error(403);
    ask(&api, "GET", "/tasks", &unknown, None).await.error(401);

    let task_id = Api::new(db.clone()).submitted(1).await;
    let experiment = Api::new(db.clone()).experiment_of(&task_id).await;
    let share = ask(&api, "POST", &format!("/experiments/{experiment}/publish"), &full, None).await;
    let share = serde_json::from_value::<oddish_api_types::ShareResponse>(share.json()).unwrap();
    let token = share.public_token.clone().unwrap();
    for path in [format!("/public/experiments/{token}/tasks"), format!("/public/tasks/{task_id}?token={token}")] {
        assert_eq!(api.get(&path).await.status.as_u16(), 200);
    }
    api.get(&format!("/public/experiments/{token}/nowhere")).await.error(404);

    let log = log.text();
    assert!(log.contains("answered") && log.contains("api_keys"), "nothing was kept: {log}");
    assert!(!log.contains(&token), "the token of a shared experiment is in the log");
    let debug = format!("{auth:?} {created:?} {share:?} {:?}", api_keys::list(&db).await.unwrap());
    let rows: Vec<String> = sqlx::query_scalar(
        "select query_to_xml(format('select * from oddish.%I', table_name), true, false, '')::text
        from information_schema.tables where table_schema = 'oddish'",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let rows = rows.concat();
    assert!(rows.contains(&oddish_domain::api_key::sha256(&full)), "the rows are there");
    assert!(!debug.contains(&token), "the token of a shared experiment is in the debug output");
    for key in [&full, &read, &unknown, &created.key] {
        for (place, text) in [("log", &log), ("debug output", &debug), ("rows", &rows)] {
            assert!(!text.contains(&key[3..]), "a key is in the {place}");
        }
        assert!(!debug.contains(&oddish_domain::api_key::sha256(key)), "a hash is in the debug output");
    }
}

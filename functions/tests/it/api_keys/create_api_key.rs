//! `POST /api-keys`: what a key may be called, and that only its creation shows it.

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use oddish_db::Db;
use oddish_db::api_keys;
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_functions::http::auth::{Auth, AuthMode};
use oddish_test_api::{Answer, Api};
use oddish_test_doubles::Kept;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use super::{ask, made, trusting};

use crate::shapes;

#[with_database]
async fn a_key_is_shown_once_and_works_until_it_is_revoked(db: Db) {
    let api = trusting(db, Duration::ZERO);
    let (_, first) = made(&api.db, "alice", Scope::Full, None).await;
    let answer = ask(&api, "POST", "/api-keys", &first, Some(json!({"name": " nightly 🦦 ", "scope": "read"}))).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("CreatedApiKeyResponse", &answer), @r#"
    {
      "created_at": "[time]",
      "expires_at": null,
      "id": "[id]",
      "is_active": true,
      "key": "[key]",
      "key_prefix": "[key]",
      "last_used_at": null,
      "name": "nightly 🦦",
      "owner": "alice",
      "revoked_at": null,
      "scope": "read"
    }
    "#);
    let created = answer.json();
    let text = created["key"].as_str().unwrap().to_owned();
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&created["name"], &created["scope"], &created["owner"]),
        (&json!("nightly 🦦"), &json!("read"), &json!("alice"))
    );
    assert_eq!(created["key_prefix"], text[..11]);

    let listed = ask(&api, "GET", "/api-keys", &first, None).await;
    insta::assert_json_snapshot!(shapes::of("ApiKeyResponse", &listed), @r#"
    [
      {
        "created_at": "[time]",
        "expires_at": null,
        "id": "[id]",
        "is_active": true,
        "key_prefix": "[key]",
        "last_used_at": null,
        "name": "nightly 🦦",
        "owner": "alice",
        "revoked_at": null,
        "scope": "read"
      },
      {
        "created_at": "[time]",
        "expires_at": null,
        "id": "[id]",
        "is_active": true,
        "key_prefix": "[key]",
        "last_used_at": "[time]",
        "name": "of a test",
        "owner": "alice",
        "revoked_at": null,
        "scope": "full"
      }
    ]
    "#);
    assert!(!listed.body.contains(&text) && !listed.body.contains("sha256"), "{listed:?}");
    let entry = |listed: &Answer| {
        listed.json().as_array().unwrap().iter().find(|entry| entry["id"] == *id).expect("the key's entry").clone()
    };
    let (entry, mut about) = (entry(&listed), created.clone());
    about.as_object_mut().unwrap().remove("key");
    assert_eq!(entry, about);
    assert_eq!((&entry["is_active"], &entry["expires_at"]), (&json!(true), &json!(null)));

    assert_eq!(ask(&api, "GET", "/tasks", &text, None).await.status.as_u16(), 200);
    let revoke = async || ask(&api, "DELETE", &format!("/api-keys/{id}"), &first, None).await;
    let revoked = revoke().await;
    insta::assert_json_snapshot!(shapes::of("RevokeApiKeyResponse", &revoked), @r#"
    {
      "key_id": "[id]",
      "status": "revoked"
    }
    "#);
    assert_eq!(revoke().await.body, revoked.body, "it may be repeated");
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

//! What the log says of a request, what it never says, and what is measured.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use oddish_db::Db;
use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_domain::sealing::SecretKey;
use oddish_domain::settings::Settings;
use oddish_functions::lambda;
use oddish_telemetry::{LogFormat, TelemetrySettings, logging, metrics};
use oddish_test_api::{Answer, Api};
use oddish_test_doubles::Kept;
use oddish_test_doubles::emf::faults;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Logs as a function does until it is dropped.
fn log(level: &str) -> (Kept, tracing::subscriber::DefaultGuard) {
    let settings = Settings::from_map([("ODDISH_LOG".to_owned(), level.to_owned())].into());
    let kept = Kept::default();
    let settings = TelemetrySettings::read(&mut settings.reader());
    let subscriber = logging(&settings, LogFormat::Json, false, kept.clone());
    (kept, tracing::subscriber::set_default(subscriber))
}

/// Has an event answered as on Lambda, and returns the id that the answer gives the request.
async fn invoke(app: &Router, event: &Value) -> String {
    let mut context = Context::default();
    "id-of-lambda".clone_into(&mut context.request_id);
    let event = serde_json::from_value(event.clone()).unwrap();
    let reply = lambda::answer(app.clone(), LambdaEvent::new(event, context)).await.unwrap();
    let reply = serde_json::to_value(reply).unwrap();
    reply["headers"]["x-request-id"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

fn event(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events").join(name).with_extension("json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The ids on each line of a request.
fn ids(line: &Value) -> [&Value; 3] {
    ["request_id", "gateway_request_id", "lambda_request_id"].map(|name| &line[name])
}

#[with_database]
async fn every_line_of_a_request_has_its_ids(db: Db) {
    let api = Api::new(db.clone());
    let (kept, logging) = log("debug");
    let of_gateway = "JKJaXmPLvHcESHA=";
    assert_eq!(invoke(&api.router, &event("named_stage")).await, of_gateway);
    let lines = kept.lines();
    assert!(lines.iter().any(|line| line["message"] == "answered"), "{lines:?}");
    for line in &lines {
        assert_eq!(ids(line), [&json!(of_gateway), &json!(of_gateway), &json!("id-of-lambda")], "{line}");
    }
    drop(logging);

    // The client's own goes before the gateway's, and errors have it even where nothing else is logged.
    db.close().await;
    let (kept, _logging) = log("error");
    let mut asked = event("named_stage");
    asked["headers"]["x-request-id"] = json!("of-the-client");
    asked["rawPath"] = json!("/prod/trials/some-task-0");
    assert_eq!(invoke(&api.router, &asked).await, "of-the-client");
    let lines = kept.lines();
    assert!(!lines.is_empty(), "a database that is away is worth a line");
    for line in &lines {
        assert_eq!(ids(line), [&json!("of-the-client"), &json!(of_gateway), &json!("id-of-lambda")], "{line}");
        assert_eq!(line["trial_id"], "some-task-0", "{line}");
    }
}

#[with_database]
async fn an_id_that_no_log_should_show_is_replaced(db: Db) {
    let api = Api::new(db);
    for id in ["x".repeat(129), "é".to_owned(), String::new()] {
        let id = http::HeaderValue::from_bytes(id.as_bytes()).unwrap();
        let request = Request::get("/health").header("x-request-id", &id).body(Body::empty()).unwrap();
        let (headers, _) = api.ask_whole(request).await;
        assert_ne!(headers["x-request-id"], id);
        assert_eq!(headers["x-request-id"].len(), 36, "{headers:?}");
    }
}

async fn ask(api: &Api, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {key}"));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    api.ask_whole(request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()).await.1
}

#[with_database]
async fn no_line_has_a_secret(db: Db) {
    let secret = SecretKey::generate();
    let api = Api::with(db.clone(), |everything| {
        everything.auth = oddish_functions::http::auth::Auth::new(oddish_functions::http::auth::AuthMode::ApiKey, &db);
        everything.expansion.sealing = Some(oddish_domain::sealing::SealingKey::of(&secret));
    });
    let key = GeneratedKey::draw();
    let new = NewApiKey { name: "of a test", owner: "alice", scope: Scope::Full, expires_at: None };
    let mut work = Work::begin(&db).await.unwrap();
    api_keys::create(&mut work, &key, &new, OffsetDateTime::now_utc()).await.unwrap();
    work.finish(&Value::Null).await.unwrap();
    let keyless = Api::new(db.clone());
    let task_id = keyless.uploaded().await;
    let (kept, _logging) = log("trace");

    let upload = json!({"name": "some task", "content_hash": "0".repeat(64), "size_bytes": 1});
    let announced = ask(&api, "POST", "/tasks/upload/init", &key.text, Some(upload)).await;
    let url = announced.json()["upload_url"].as_str().unwrap_or_else(|| panic!("{announced:?}")).to_owned();
    let signature = url.rsplit(['=', '/']).next().unwrap().to_owned();
    assert!(signature.len() > 20, "{url}");
    let sweep = json!({
        "task_id": task_id, "user": "alice",
        "configs": [{"agent": "claude-code", "model": "anthropic/claude-sonnet-4-5", "n_trials": 1,
            "agent_env": {"ANTHROPIC_API_KEY": "sk-ant-of-the-client"}}],
    });
    let swept = ask(&api, "POST", "/tasks/sweep", &key.text, Some(sweep)).await;
    assert!(swept.status.is_success(), "{swept:?}");
    ask(&api, "GET", &format!("/tasks/{task_id}?token=ok_in_a_query"), &key.text, None).await;
    ask(&api, "GET", "/nowhere", "ok_of_nobody", None).await.error(404);

    let log = kept.text();
    assert!(log.contains("answered") && log.contains("insert into oddish"), "not much was kept: {log}");
    for (what, secret) in [
        ("key", &key.text[3..]),
        ("key's hash", &oddish_domain::api_key::sha256(&key.text)),
        ("signature", &signature),
        ("agent's variable", "sk-ant-of-the-client"),
        ("deployment's secret", secret.expose()),
        ("query", "ok_in_a_query"),
        ("unknown key", "ok_of_nobody"),
    ] {
        assert!(!log.contains(secret), "the {what} is in the log");
    }
}

#[with_database]
async fn each_answer_is_measured(db: Db) {
    let kept = Kept::default();
    metrics::write_to("Oddish", kept.clone());
    let api = Api::new(db);
    let app = lambda::measured("list_tasks", api.router.clone());
    invoke(&app, &event("named_stage")).await;
    invoke(&app, &event("query_with_bare_characters")).await;
    invoke(&app, &event("missing_fields")).await;
    let mut classes = Vec::new();
    for document in kept.lines() {
        assert_eq!(faults(&document), Vec::<String>::new(), "{document}");
        assert_eq!(document["Function"], "list_tasks");
        let latency = document["ApiLatencyMs"].as_f64().unwrap();
        assert!(latency > 0.0 && latency < 60_000.0, "{latency}");
        classes.push(document["StatusClass"].as_str().unwrap().to_owned());
    }
    assert_eq!(classes, ["2xx", "2xx", "4xx"]);
}

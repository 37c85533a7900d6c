//! The program `api` as Lambda starts it: against a runtime API, with the variables that template.yaml gives each function.

use std::collections::VecDeque;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use oddish_db::idempotency::Work;
use oddish_db::{Db, api_keys};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_functions::endpoints::ENDPOINTS;
use oddish_test_support::{direct_url, with_database};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::{Mutex, mpsc};

use super::template::{file, variables};

const WITHIN: Duration = Duration::from_secs(15);
const AT_ONCE: usize = 4;

/// Lambda's runtime API for one function: it hands out these events and passes on what the function says of each.
#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Mutex<VecDeque<Value>>>,
    said: mpsc::UnboundedSender<(String, Value)>,
}

async fn next(State(api): State<RuntimeApi>) -> Response {
    let Some(event) = api.events.lock().await.pop_front() else { return std::future::pending().await };
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:oddish-tested"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    ];
    (headers, event.to_string()).into_response()
}

async fn said(State(api): State<RuntimeApi>, Path((_, what)): Path<(String, String)>, body: String) -> StatusCode {
    api.said.send((what, serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}

/// Ends the process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn command(handler: Option<&str>, runtime_api: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command.env_clear().stdout(Stdio::null()).envs(handler.map(|name| ("_HANDLER", name)));
    // What Lambda itself sets.
    command.env("AWS_LAMBDA_RUNTIME_API", runtime_api).env("AWS_LAMBDA_FUNCTION_NAME", "oddish-tested");
    command.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    command.env("AWS_REGION", "eu-central-1").env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "key");
    command
}

fn event(method: &str, path: &str, key: &str) -> Value {
    let mut event: Value = serde_json::from_str(&file("tests/events/host_that_is_none.json")).unwrap();
    event["rawPath"] = json!(path);
    event["routeKey"] = json!(format!("{method} {path}"));
    event["headers"]["authorization"] = json!(format!("Bearer {key}"));
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    if matches!(method, "POST" | "PATCH") {
        event["headers"]["content-type"] = json!("application/json");
        event["body"] = json!("{}");
    }
    event
}

/// Answers of a function to these events: status and body.
async fn answers(handler: Option<&str>, variables: &[(String, String)], events: Vec<Value>) -> Vec<(u64, String)> {
    let expected = events.len();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let api = RuntimeApi { events: Arc::new(Mutex::new(events.into())), said: sender };
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{what}", post(said))
        .with_state(api);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let _function = Running(command(handler, &address).envs(variables.iter().cloned()).spawn().unwrap());
    let mut answers = Vec::new();
    while answers.len() < expected {
        let said = tokio::time::timeout(WITHIN, receiver.recv()).await;
        let (what, reply) = said.unwrap_or_else(|_| panic!("{handler:?} says nothing")).unwrap();
        assert_eq!(what, "response", "{handler:?}: {reply}");
        let body = reply["body"].as_str().unwrap_or_default().to_owned();
        answers.push((reply["statusCode"].as_u64().unwrap(), body));
    }
    answers
}

/// A value for each variable of the template: its own text, or what stands for its reference.
fn given(template: &str, function: &str, database: &str) -> Vec<(String, String)> {
    let value = |name: &str, text: &str| match name {
        "DATABASE_URL" => database.to_owned(),
        "ODDISH_DB_STATEMENT_CACHE" => "100".to_owned(),
        "ODDISH_S3_BUCKET" => "artifacts".to_owned(),
        "ODDISH_S3_REGION" => "eu-central-1".to_owned(),
        "ODDISH_DEFAULT_MODEL_CONCURRENCY" => "8".to_owned(),
        "ODDISH_MODEL_CONCURRENCY_OVERRIDES" => "{}".to_owned(),
        "ODDISH_DOCKER_ENVIRONMENT" => "none".to_owned(),
        "ODDISH_SECRET_KEY" => "a-secret-of-the-tests-that-is-long-enough".to_owned(),
        "ODDISH_WAKE_QUEUE_URL" => "http://127.0.0.1:9/123456789012/wake".to_owned(),
        _ => {
            assert!(!text.starts_with('!'), "{function}: nothing stands for {name}: {text}");
            text.trim_matches('"').to_owned()
        }
    };
    variables(template, function).iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

fn is_of_the_router(status: u64, body: &str) -> bool {
    (status == 404 && body == r#"{"detail":"Not Found"}"#) || status == 405
}

#[with_database]
async fn each_function_serves_its_endpoint_with_what_the_template_gives_it(db: Db) {
    let key = GeneratedKey::draw();
    let now = OffsetDateTime::now_utc();
    let new = api_keys::NewApiKey { name: "of a test", owner: "alice", scope: Scope::Full, expires_at: None };
    let mut work = Work::begin(&db).await.unwrap();
    api_keys::create(&mut work, &key, &new, now).await.unwrap();
    work.finish(&Value::Null).await.unwrap();
    let (template, database) = (file("../template.yaml"), direct_url(&db));
    let asked = stream::iter(ENDPOINTS.iter()).map(|endpoint| {
        let path = endpoint.path.replace("{file}", "index.html").replace("{*", "{");
        let path = path.replace("{index}", "0").replace("{version}", "1").replace(['{', '}'], "");
        let own = event(endpoint.method.as_str(), &path, &key.text);
        let others = event("GET", if endpoint.name == "get_health" { "/tasks" } else { "/health" }, &key.text);
        let variables = given(&template, endpoint.name, &database);
        async move { (endpoint, answers(Some(endpoint.name), &variables, vec![own, others]).await) }
    });
    let answered: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
    assert_eq!(answered.len(), ENDPOINTS.len());
    for (endpoint, answers) in answered {
        let [(status, body), (other_status, other_body)] = &answers[..] else { panic!("{answers:?}") };
        let own = *status < 500 && *status != 401 && !is_of_the_router(*status, body);
        assert!(own, "{}: {status} {body}", endpoint.name);
        assert!(is_of_the_router(*other_status, other_body), "{}: {other_status} {other_body}", endpoint.name);
    }
    let not_found = given(&template, "not_found", &database);
    let unknown = answers(Some("not_found"), &not_found, vec![event("GET", "/nowhere", "")]);
    assert_eq!(unknown.await[0].0, 404);
}

#[with_database]
async fn bootstrap_and_no_name_serve_all(db: Db) {
    let variables = [("DATABASE_URL".to_owned(), direct_url(&db))];
    for handler in [None, Some("bootstrap")] {
        let events = ["/health", "/tasks", "/openapi.json"].map(|path| event("GET", path, ""));
        let answers = answers(handler, &variables, events.into()).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{handler:?}: {answers:?}");
    }
}

#[test]
fn an_unknown_name_ends_the_function() {
    let output = command(Some("get_moon"), "127.0.0.1:9").stdout(Stdio::piped()).output().unwrap();
    let log = [output.stdout, output.stderr].concat();
    let log = String::from_utf8(log).unwrap();
    assert!(!output.status.success() && log.contains("no endpoint is called"), "{log}");
}

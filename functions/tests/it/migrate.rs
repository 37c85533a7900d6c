//! The function that prepares a deployment: as a custom resource whose answer arrives at a URL, and by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use axum::Router;
use axum::extract::State;
use axum::routing::put;
use http::{HeaderMap, StatusCode, header};
use oddish_db::{PgPool, api_keys, schema};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_domain::settings::Settings;
use oddish_functions::migrate::{Event, FIRST_KEY_NAME, FirstKey, Migrated, Migration};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use tokio::sync::Mutex;

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:first-key-AbCdEf";
const WITHIN: Duration = Duration::from_secs(60);

/// One exchange with Secrets Manager: the request's own target and body are looked at afterwards.
fn replies(status: u16, body: &Value) -> ReplayEvent {
    let request = http::Request::builder().uri("https://secretsmanager.eu-central-1.amazonaws.com/").body("".into());
    let response = http::Response::builder().status(status).body(body.to_string().into());
    ReplayEvent::new(request.unwrap(), response.unwrap())
}

fn nothing_stored() -> ReplayEvent {
    replies(
        400,
        &json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret value"}),
    )
}

fn taken() -> ReplayEvent {
    replies(200, &json!({"ARN": SECRET, "Name": "first-key", "VersionId": "1"}))
}

fn holds(text: &str) -> ReplayEvent {
    replies(200, &json!({"ARN": SECRET, "Name": "first-key", "SecretString": text}))
}

/// A deployment on this database, whose Secrets Manager replies so.
fn deployment(pool: &PgPool, replies: Vec<ReplayEvent>) -> (Migration, StaticReplayClient) {
    let url = pool.connect_options().to_url_lossy().to_string();
    with_url(&url, replies)
}

fn with_url(url: &str, replies: Vec<ReplayEvent>) -> (Migration, StaticReplayClient) {
    let recorded = StaticReplayClient::new(replies);
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .http_client(recorded.clone())
        .build();
    let variables = [("DATABASE_URL", url), ("ODDISH_FIRST_KEY_SECRET", SECRET)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::from_map(BTreeMap::from(variables));
    (Migration { settings, secrets: Client::from_conf(config) }, recorded)
}

/// What was asked of Secrets Manager: each operation with its body.
fn asked(recorded: &StaticReplayClient) -> Vec<(String, Value)> {
    let requests = recorded.actual_requests().map(|request| {
        let target = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        (target, serde_json::from_slice(request.body().bytes().unwrap()).unwrap())
    });
    requests.collect()
}

/// Where `CloudFormation` waits for answers.
struct Stack {
    url: String,
    told: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

impl Stack {
    /// One that takes an answer only after it has refused so many.
    async fn refusing(refusals: usize) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let take = async move |State((told, refusals)): State<(Arc<Mutex<Vec<_>>>, usize)>,
                               headers: HeaderMap,
                               body: String| {
            let mut told = told.lock().await;
            told.push((headers, serde_json::from_str::<Value>(&body).unwrap()));
            if told.len() > refusals { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        };
        let app = Router::new().route("/answer", put(take)).with_state((Arc::clone(&told), refusals));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/answer?X-Amz-Signature=0%2F1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, told }
    }

    fn event(&self, kind: &str, physical: Option<&str>) -> Event {
        let mut event = json!({
            "RequestType": kind, "ResponseURL": self.url, "ServiceToken": "arn:aws:lambda:x", "ResourceType": "Custom::OddishMigration",
            "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/oddish/1", "RequestId": "request-1",
            "LogicalResourceId": "Migration", "ResourceProperties": {"ServiceToken": "arn:aws:lambda:x", "Code": "1"},
        });
        if let Some(physical) = physical {
            event["PhysicalResourceId"] = physical.into();
        }
        serde_json::from_value(event).unwrap()
    }

    /// The answer that it took, after checking what every answer has.
    async fn taken(&self) -> Value {
        let told = self.told.lock().await;
        let (headers, answer) = told.last().unwrap();
        assert!(!headers.contains_key(header::CONTENT_TYPE), "the URL is signed without one: {headers:?}");
        assert!(headers.contains_key(header::CONTENT_LENGTH), "S3 takes no chunks: {headers:?}");
        assert_eq!(answer["StackId"], "arn:aws:cloudformation:eu-central-1:123456789012:stack/oddish/1");
        assert_eq!((&answer["RequestId"], &answer["LogicalResourceId"]), (&json!("request-1"), &json!("Migration")));
        answer.clone()
    }
}

fn by_hand() -> Event {
    serde_json::from_value(json!({})).unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_new_stack_gets_a_schema_and_a_key_that_only_the_secret_holds(pool: PgPool) {
    let (deployment, recorded) = deployment(&pool, vec![nothing_stored(), taken()]);
    let stack = Stack::refusing(0).await;
    let migrated = deployment.answer(stack.event("Create", None), WITHIN).await.unwrap().unwrap();
    assert_eq!(migrated, Migrated { applied: schema::MIGRATOR.iter().count(), first_key: FirstKey::Made });
    assert!(schema::status(&pool).await.unwrap().iter().all(|migration| migration.applied));

    let asked = asked(&recorded);
    let [(get, _), (put, body)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((get.as_str(), put.as_str(), &body["SecretId"]), ("GetSecretValue", "PutSecretValue", &json!(SECRET)));
    let key = GeneratedKey::parse(body["SecretString"].as_str().unwrap()).unwrap();
    let known = api_keys::authenticate(&pool, &key.sha256, time::OffsetDateTime::now_utc()).await.unwrap().unwrap();
    assert_eq!((known.name.as_str(), known.scope, known.expires_at), (FIRST_KEY_NAME, Scope::Full, None));

    let answer = stack.taken().await;
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("oddish-schema")));
    assert!(!answer.to_string().contains(&key.text), "{answer}");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn an_update_keeps_the_key_and_the_resource(pool: PgPool) {
    let (first, _) = deployment(&pool, vec![nothing_stored(), taken()]);
    assert_eq!(first.answer(by_hand(), WITHIN).await.unwrap().unwrap().first_key, FirstKey::Made);

    let (deployment, recorded) = deployment(&pool, vec![]);
    let stack = Stack::refusing(0).await;
    let migrated = deployment.answer(stack.event("Update", Some("named-before")), WITHIN).await.unwrap().unwrap();
    assert_eq!(migrated, Migrated { applied: 0, first_key: FirstKey::Kept });
    assert_eq!(asked(&recorded), vec![], "nobody has to be asked for a key that is there");
    let answer = stack.taken().await;
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("named-before")));
    assert_eq!(api_keys::list(&pool).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_revoked_first_key_is_not_made_again(pool: PgPool) {
    let (first, _) = deployment(&pool, vec![nothing_stored(), taken()]);
    first.answer(by_hand(), WITHIN).await.unwrap();
    let key = api_keys::list(&pool).await.unwrap().remove(0);
    api_keys::revoke(&pool, &key.id, time::OffsetDateTime::now_utc()).await.unwrap();
    let (again, _) = deployment(&pool, vec![]);
    assert_eq!(again.answer(by_hand(), WITHIN).await.unwrap().unwrap().first_key, FirstKey::Kept);
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_key_that_was_kept_but_not_registered_is_registered(pool: PgPool) {
    let key = GeneratedKey::draw();
    let (deployment, recorded) = deployment(&pool, vec![holds(&key.text)]);
    assert_eq!(deployment.answer(by_hand(), WITHIN).await.unwrap().unwrap().first_key, FirstKey::Made);
    assert_eq!(asked(&recorded).len(), 1, "the secret keeps what it holds");
    assert!(api_keys::authenticate(&pool, &key.sha256, time::OffsetDateTime::now_utc()).await.unwrap().is_some());
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn two_invocations_at_once_agree_on_one_key(pool: PgPool) {
    let of_the_other = GeneratedKey::draw();
    let exists =
        replies(400, &json!({"__type": "ResourceExistsException", "Message": "the version has another value"}));
    let (deployment, recorded) = deployment(&pool, vec![nothing_stored(), exists, holds(&of_the_other.text)]);
    deployment.answer(by_hand(), WITHIN).await.unwrap();
    let asked = asked(&recorded);
    let token = asked[1].1["ClientRequestToken"].as_str().unwrap();
    assert!((32..=64).contains(&token.len()), "{token}");
    let key = api_keys::list(&pool).await.unwrap().remove(0);
    assert_eq!(key.prefix, of_the_other.prefix);
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn the_version_of_the_secret_is_always_the_same(pool: PgPool) {
    let mut tokens = Vec::new();
    for _ in 0..2 {
        // Without permission to write: nothing is made, and the next try is like the first.
        let refused =
            replies(400, &json!({"__type": "AccessDeniedException", "Message": "not authorized to perform this"}));
        let (deployment, recorded) = deployment(&pool, vec![nothing_stored(), refused]);
        let error = deployment.answer(by_hand(), WITHIN).await.unwrap_err();
        assert!(error.to_string().contains(SECRET) && error.to_string().contains("not authorized"), "{error}");
        tokens.push(asked(&recorded)[1].1["ClientRequestToken"].clone());
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(api_keys::list(&pool).await.unwrap(), vec![], "no key that nobody has");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn another_text_in_the_secret_is_left_alone(pool: PgPool) {
    let (deployment, _) = deployment(&pool, vec![holds("the password of something else")]);
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Create", None), WITHIN).await.unwrap(), None);
    let answer = stack.taken().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.contains(SECRET) && !reason.contains("password"), "{answer}");
}

#[tokio::test]
async fn a_stack_hears_of_a_failure_and_of_its_reason() {
    // Nobody listens on port 1.
    let (deployment, _) = with_url("postgresql://oddish:hush-hush@127.0.0.1:1/oddish", vec![]);
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Create", None), WITHIN).await.unwrap(), None);
    let answer = stack.taken().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.contains("127.0.0.1:1/oddish"), "{answer}");
    assert!(!reason.contains("hush"), "{reason}");
    // By hand the same is the function's own failure.
    assert!(deployment.answer(by_hand(), WITHIN).await.is_err());
}

#[tokio::test]
async fn settings_that_are_wrong_are_a_reason_too() {
    let (deployment, _) = with_url("mysql://oddish:hush-hush@db/oddish", vec![]);
    let stack = Stack::refusing(0).await;
    deployment.answer(stack.event("Create", None), WITHIN).await.unwrap();
    let answer = stack.taken().await;
    assert!(answer["Reason"].as_str().unwrap().contains("DATABASE_URL"), "{answer}");
    assert!(!answer.to_string().contains("hush"), "{answer}");
}

#[sqlx::test(migrations = false)]
async fn a_stack_hears_when_the_time_runs_out(pool: PgPool) {
    let (deployment, _) = deployment(&pool, vec![]);
    let stack = Stack::refusing(0).await;
    deployment.answer(stack.event("Create", None), Duration::ZERO).await.unwrap();
    let answer = stack.taken().await;
    assert!(answer["Status"] == "FAILED" && answer["Reason"].as_str().unwrap().contains("within"), "{answer}");
}

#[tokio::test]
async fn a_stack_that_goes_needs_no_database() {
    let (deployment, recorded) = with_url("postgresql://127.0.0.1:1/oddish", vec![]);
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Delete", Some("oddish-schema")), WITHIN).await.unwrap(), None);
    assert_eq!(stack.taken().await["Status"], "SUCCESS");
    assert_eq!(asked(&recorded), vec![]);
}

#[tokio::test]
async fn an_answer_that_is_refused_is_given_again() {
    let (deployment, _) = with_url("postgresql://127.0.0.1:1/oddish", vec![]);
    let stack = Stack::refusing(2).await;
    deployment.answer(stack.event("Delete", None), WITHIN).await.unwrap();
    assert_eq!(stack.told.lock().await.len(), 3);
    // One that nobody takes is a failure of the function, which Lambda then invokes again.
    let deaf = Stack::refusing(usize::MAX).await;
    let error = deployment.answer(deaf.event("Delete", None), WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
}

//! The function that prepares a deployment: as a custom resource whose answer arrives at a URL, and by hand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::routing::{post, put};
use http::{HeaderMap, StatusCode, header};
use oddish_db::{Db, api_keys, schema};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_domain::settings::Settings;
use oddish_functions::lambda::migrate::{Event, FIRST_KEY_NAME, FirstKey, Migrated, Migration};
use oddish_test_support::{direct_url, with_database};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use tokio::sync::Mutex;

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:first-key-AbCdEf";
const WITHIN: Duration = Duration::from_mins(1);

/// A status and a body.
type Reply = (u16, Value);

fn nothing_stored() -> Reply {
    (
        400,
        json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret value"}),
    )
}

fn taken() -> Reply {
    (200, json!({"ARN": SECRET, "Name": "first-key", "VersionId": "1"}))
}

fn holds(text: &str) -> Reply {
    (200, json!({"ARN": SECRET, "Name": "first-key", "SecretString": text}))
}

/// A Secrets Manager that gives these replies, one after the other, and keeps what it was asked: each operation with its body.
#[derive(Clone)]
struct Secrets {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

async fn reply(State(secrets): State<Secrets>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    secrets.asked.lock().await.push((target, serde_json::from_str(&body).unwrap()));
    // Without a reply left it fails in a way that is not repeated.
    let (status, body) = secrets.replies.lock().await.pop_front().unwrap_or((400, json!({"__type": "NoReplyLeft"})));
    (StatusCode::from_u16(status).unwrap(), body.to_string())
}

impl Secrets {
    async fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().await.clone()
    }
}

/// A deployment on this database, whose Secrets Manager replies so.
async fn deployment(db: &Db, replies: Vec<Reply>) -> (Migration, Secrets) {
    with_url(&direct_url(db), replies).await
}

async fn with_url(url: &str, replies: Vec<Reply>) -> (Migration, Secrets) {
    let secrets = Secrets { replies: Arc::new(Mutex::new(replies.into())), asked: Arc::default() };
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(serve(Router::new().route("/", post(reply)).with_state(secrets.clone())).await)
        .build();
    let variables = [("DATABASE_URL", url), ("ODDISH_FIRST_KEY_SECRET", SECRET)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::from_map(BTreeMap::from(variables));
    (Migration { settings, secrets: Client::from_conf(config) }, secrets)
}

/// Answers on a port of its own, and says at which URL.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
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
        let url = format!("{}/answer?X-Amz-Signature=0%2F1", serve(app).await);
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

#[with_database(empty)]
async fn a_new_stack_gets_a_schema_and_a_key_that_only_the_secret_holds(db: Db) {
    let (deployment, secrets) = deployment(&db, vec![nothing_stored(), taken()]).await;
    let stack = Stack::refusing(0).await;
    let migrated = deployment.answer(stack.event("Create", None), WITHIN).await.unwrap().unwrap();
    assert_eq!(migrated, Migrated { applied: schema::MIGRATOR.iter().count(), first_key: FirstKey::Made });
    assert!(schema::status(&db).await.unwrap().iter().all(|migration| migration.applied));

    let asked = secrets.asked().await;
    let [(get, _), (put, body)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((get.as_str(), put.as_str(), &body["SecretId"]), ("GetSecretValue", "PutSecretValue", &json!(SECRET)));
    let key = GeneratedKey::parse(body["SecretString"].as_str().unwrap()).unwrap();
    let known = api_keys::authenticate(&db, &key.sha256, time::OffsetDateTime::now_utc()).await.unwrap().unwrap();
    assert_eq!((known.name.as_str(), known.scope, known.expires_at), (FIRST_KEY_NAME, Scope::Full, None));

    let answer = stack.taken().await;
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("oddish-schema")));
    assert!(!answer.to_string().contains(&key.text), "{answer}");
}

#[with_database]
async fn an_update_keeps_the_key_and_the_resource(db: Db) {
    let (first, _) = deployment(&db, vec![nothing_stored(), taken()]).await;
    assert_eq!(first.answer(by_hand(), WITHIN).await.unwrap().unwrap().first_key, FirstKey::Made);

    let (deployment, secrets) = deployment(&db, vec![]).await;
    let stack = Stack::refusing(0).await;
    let migrated = deployment.answer(stack.event("Update", Some("named-before")), WITHIN).await.unwrap().unwrap();
    assert_eq!(migrated, Migrated { applied: 0, first_key: FirstKey::Kept });
    assert_eq!(secrets.asked().await, vec![], "nobody has to be asked for a key that is there");
    let answer = stack.taken().await;
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("named-before")));
    assert_eq!(api_keys::list(&db).await.unwrap().len(), 1);
}

/// Records a migration of a newer version, as an update that then rolls back leaves it.
async fn newer_migration(db: &Db, version: i64, description: &str) {
    let insert = "insert into oddish.schema_migrations (version, description, success, checksum, execution_time)
        values ($1, $2, true, '', 0)";
    sqlx::query(insert).bind(version).bind(description).execute(db).await.unwrap();
}

#[with_database]
async fn an_update_that_rolls_back_succeeds_on_the_newer_schema(db: Db) {
    let (first, _) = deployment(&db, vec![nothing_stored(), taken()]).await;
    first.answer(by_hand(), WITHIN).await.unwrap();
    newer_migration(&db, 9000, "more columns").await;

    let (before, _) = deployment(&db, vec![]).await;
    let stack = Stack::refusing(0).await;
    let migrated = before.answer(stack.event("Update", Some("oddish-schema")), WITHIN).await.unwrap().unwrap();
    assert_eq!(migrated, Migrated { applied: 0, first_key: FirstKey::Kept });
    assert_eq!(stack.taken().await["Status"], "SUCCESS");
}

#[with_database]
async fn a_stack_hears_that_it_cannot_go_back_behind_a_breaking_migration(db: Db) {
    newer_migration(&db, 9000, "more columns").await;
    newer_migration(&db, 9001, "breaking fewer columns").await;
    let (before, secrets) = deployment(&db, vec![]).await;
    let stack = Stack::refusing(0).await;
    assert_eq!(before.answer(stack.event("Update", Some("oddish-schema")), WITHIN).await.unwrap(), None);
    let answer = stack.taken().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.contains("9001 (`breaking fewer columns`)"), "{answer}");
    assert!(reason.contains("deploy the version that brought it"), "{reason}");
    assert_eq!(secrets.asked().await, vec![]);
}

#[with_database]
async fn a_revoked_first_key_is_not_made_again(db: Db) {
    let (first, _) = deployment(&db, vec![nothing_stored(), taken()]).await;
    first.answer(by_hand(), WITHIN).await.unwrap();
    let key = api_keys::list(&db).await.unwrap().remove(0);
    api_keys::revoke(&db, &key.id, time::OffsetDateTime::now_utc()).await.unwrap();
    let (again, _) = deployment(&db, vec![]).await;
    assert_eq!(again.answer(by_hand(), WITHIN).await.unwrap().unwrap().first_key, FirstKey::Kept);
}

#[with_database]
async fn a_key_that_was_kept_but_not_registered_is_registered(db: Db) {
    let key = GeneratedKey::draw();
    let (deployment, secrets) = deployment(&db, vec![holds(&key.text)]).await;
    assert_eq!(deployment.answer(by_hand(), WITHIN).await.unwrap().unwrap().first_key, FirstKey::Made);
    assert_eq!(secrets.asked().await.len(), 1, "the secret keeps what it holds");
    assert!(api_keys::authenticate(&db, &key.sha256, time::OffsetDateTime::now_utc()).await.unwrap().is_some());
}

#[with_database]
async fn two_invocations_at_once_agree_on_one_key(db: Db) {
    let of_the_other = GeneratedKey::draw();
    let exists = (400, json!({"__type": "ResourceExistsException", "Message": "the version has another value"}));
    let (deployment, secrets) = deployment(&db, vec![nothing_stored(), exists, holds(&of_the_other.text)]).await;
    deployment.answer(by_hand(), WITHIN).await.unwrap();
    let asked = secrets.asked().await;
    let token = asked[1].1["ClientRequestToken"].as_str().unwrap();
    assert!((32..=64).contains(&token.len()), "{token}");
    let key = api_keys::list(&db).await.unwrap().remove(0);
    assert_eq!(key.prefix, of_the_other.prefix);
}

#[with_database]
async fn the_version_of_the_secret_is_always_the_same(db: Db) {
    let mut tokens = Vec::new();
    for _ in 0..2 {
        // Without permission to write: nothing is made, and the next try is like the first.
        let refused = (400, json!({"__type": "AccessDeniedException", "Message": "not authorized to perform this"}));
        let (deployment, secrets) = deployment(&db, vec![nothing_stored(), refused]).await;
        let error = deployment.answer(by_hand(), WITHIN).await.unwrap_err();
        assert!(error.to_string().contains(SECRET) && error.to_string().contains("not authorized"), "{error}");
        tokens.push(secrets.asked().await[1].1["ClientRequestToken"].clone());
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(api_keys::list(&db).await.unwrap(), vec![], "no key that nobody has");
}

#[with_database]
async fn another_text_in_the_secret_is_left_alone(db: Db) {
    let (deployment, secrets) = deployment(&db, vec![holds("the password of something else")]).await;
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Create", None), WITHIN).await.unwrap(), None);
    let answer = stack.taken().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.contains(SECRET) && !reason.contains("password"), "{answer}");
    assert_eq!(secrets.asked().await.len(), 1, "nothing was put in its place");
}

#[with_database(empty)]
async fn a_stack_hears_of_a_failure_and_of_its_reason(db: Db) {
    let mut url = db.direct_options().to_url_lossy();
    url.set_path("/no-such-database");
    url.set_password(Some("hush-hush")).unwrap();
    let (deployment, _) = with_url(url.as_ref(), vec![]).await;
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Create", None), WITHIN).await.unwrap(), None);
    let answer = stack.taken().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.contains("/no-such-database"), "{answer}");
    assert!(!reason.contains("hush"), "{reason}");
    // By hand the same is the function's own failure.
    assert!(deployment.answer(by_hand(), WITHIN).await.is_err());
}

#[with_database]
async fn a_stack_hears_that_its_database_is_from_before_the_baseline(db: Db) {
    sqlx::query("update oddish.schema_migrations set description = 'initial'").execute(&db).await.unwrap();
    let (deployment, _) = deployment(&db, vec![]).await;
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Update", None), WITHIN).await.unwrap(), None);
    let answer = stack.taken().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.contains("run `oddish-server db reset`"), "{answer}");
}

#[tokio::test]
async fn settings_that_are_wrong_are_a_reason_too() {
    let (deployment, _) = with_url("mysql://oddish:hush-hush@db/oddish", vec![]).await;
    let stack = Stack::refusing(0).await;
    deployment.answer(stack.event("Create", None), WITHIN).await.unwrap();
    let answer = stack.taken().await;
    assert!(answer["Status"] == "FAILED" && answer["Reason"].as_str().unwrap().contains("DATABASE_URL"), "{answer}");
    assert!(!answer.to_string().contains("hush"), "{answer}");
}

#[with_database(empty)]
async fn a_stack_hears_when_the_time_runs_out(db: Db) {
    let (deployment, _) = deployment(&db, vec![]).await;
    let stack = Stack::refusing(0).await;
    deployment.answer(stack.event("Create", None), Duration::ZERO).await.unwrap();
    let answer = stack.taken().await;
    assert!(answer["Status"] == "FAILED" && answer["Reason"].as_str().unwrap().contains("within"), "{answer}");
}

#[tokio::test]
async fn a_stack_that_goes_needs_no_database() {
    let (deployment, secrets) = with_url("postgresql://127.0.0.1:1/oddish", vec![]).await;
    let stack = Stack::refusing(0).await;
    assert_eq!(deployment.answer(stack.event("Delete", Some("oddish-schema")), WITHIN).await.unwrap(), None);
    assert_eq!(stack.taken().await["Status"], "SUCCESS");
    assert_eq!(secrets.asked().await, vec![]);
}

#[tokio::test]
async fn an_answer_that_is_refused_is_given_again() {
    let (deployment, _) = with_url("postgresql://127.0.0.1:1/oddish", vec![]).await;
    let stack = Stack::refusing(2).await;
    deployment.answer(stack.event("Delete", None), WITHIN).await.unwrap();
    assert_eq!(stack.told.lock().await.len(), 3);
    // One that nobody takes is a failure of the function, which Lambda then invokes again.
    let deaf = Stack::refusing(usize::MAX).await;
    let error = deployment.answer(deaf.event("Delete", None), WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
}

#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod permissions;
mod watched;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::{Extension, Router, middleware};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use oddish::capabilities::{Artifacts, Expansion, Limits, UploadRules, Wake};
use oddish::judging::Judges;
use oddish_artifacts::signing::SigningKey;
use oddish_artifacts::{FolderStore, Key, SharedStore, archive, key};
use oddish_db::attempts::{self, Outcome};
use oddish_db::jobs::ProcessIdentity;
use oddish_db::{Db, queue};
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::{SealingKey, SecretKey};
use oddish_functions::http::answer::AnswerBound;
use oddish_functions::http::auth::{Auth, AuthMode};
use oddish_functions::http::router;
use oddish_functions::state::Everything;
use oddish_test_doubles::WatchedStore;
use oddish_test_support::hello_task;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use tower::ServiceExt as _;
use uuid::Uuid;

pub use watched::Watched;

/// Of an archive.
const MAX_BYTES: u64 = 2 << 20;
const BOUNDARY: &str = "boundary-of-the-form";

/// The whole API over one database and one folder.
#[derive(Debug)]
pub struct Api {
    /// Its database.
    pub db: Db,
    /// Its store.
    pub store: SharedStore,
    /// What watches the store.
    pub watched: Arc<Watched>,
    /// Its endpoints.
    pub router: Router,
    _folder: TempDir,
}

/// Status and body of an answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of an error, after checking its status.
    pub fn error(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        match &self.json()["detail"] {
            Value::String(text) => text.clone(),
            Value::Array(fields) => {
                let texts = fields.iter().map(|field| format!("{} {}", field["loc"], field["msg"].as_str().unwrap()));
                texts.collect::<Vec<_>>().join("; ")
            }
            other => panic!("{other}"),
        }
    }
}

impl Api {
    /// One that asks for no keys and judges nothing.
    pub fn new(db: Db) -> Self {
        Self::with(db, |_| {})
    }

    /// One of a deployment with this secret.
    pub fn with_secret(db: Db, secret: &SecretKey) -> Self {
        Self::with(db, |everything| everything.expansion.sealing = Some(SealingKey::of(secret)))
    }

    /// One that takes less in a form than by a signed URL.
    pub fn with_form_bound(db: Db, max_form_bytes: u64) -> Self {
        Self::with(db, |everything| everything.rules.max_form_bytes = max_form_bytes)
    }

    /// One that asks for keys.
    pub fn with_keys(db: Db) -> Self {
        let auth = Auth::new(AuthMode::ApiKey, &db);
        Self::with(db, |everything| everything.auth = auth)
    }

    /// One of a deployment that is not as usual.
    pub fn with(db: Db, change: impl FnOnce(&mut Everything)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signing =
            FolderStore::open(folder.path()).unwrap().with_signing(SigningKey::generate(), "http://oddish.test");
        let watched = Arc::new(Watched::default());
        let store: SharedStore = Arc::new(WatchedStore::over(Arc::new(signing), Arc::clone(&watched)));
        let mut everything = Everything {
            auth: Auth::new(AuthMode::None, &db),
            db: db.clone(),
            artifacts: Artifacts(Arc::clone(&store)),
            rules: UploadRules {
                max_bytes: MAX_BYTES,
                max_form_bytes: MAX_BYTES,
                default_agent_timeout_sec: 3600.0,
                allow_host_access: false,
            },
            judges: Judges::none(),
            limits: Limits {
                concurrency: Arc::new(ConcurrencyLimits { default: 8, overrides: BTreeMap::new() }),
                max_attempts: 6,
            },
            expansion: Expansion { sealing: None, docker: DockerEnvironment::Docker, allow_host_access: false },
            wake: Wake::through(db.clone()),
        };
        change(&mut everything);
        let router = router::router(&everything, Router::new()).layer(middleware::from_fn(permissions::in_its_name));
        Self { db, store, watched, router, _folder: folder }
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        self.ask_whole(request).await.1
    }

    /// Asks, and returns the answer's headers too.
    pub async fn ask_whole(&self, request: Request<Body>) -> (HeaderMap, Answer) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key("x-request-id"));
        let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        (parts.headers, Answer { status: parts.status, body: String::from_utf8(bytes.to_vec()).unwrap() })
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A file, whatever its bytes are, with the answer's headers.
    pub async fn fetch(&self, path: &str, range: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::get(path);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, axum::body::to_bytes(body, 32 << 20).await.unwrap())
    }

    /// As it answers where it runs on Lambda.
    #[must_use]
    pub fn on_lambda(mut self) -> Self {
        self.router = self.router.layer(Extension(AnswerBound::OF_A_FUNCTION));
        self
    }

    /// Does what a client does with a signed URL for an upload.
    pub async fn put_signed(&self, url: &Value, bytes: Vec<u8>) {
        let path = url.as_str().unwrap().strip_prefix("http://oddish.test/artifacts/").unwrap();
        let key = Key::parse(path.split('?').next().unwrap()).unwrap();
        self.store.put(&key, bytes.into()).await.unwrap();
    }

    /// Announces an upload, sends it, and answers what completes it.
    pub async fn sent(&self, name: &str, content_hash: &str, archive: Vec<u8>) -> Value {
        let init = json!({"name": name, "content_hash": content_hash});
        let announced = self.post("/tasks/upload/init", &init.to_string()).await.json();
        self.put_signed(&announced["upload_url"], archive).await;
        json!({"task_id": announced["task_id"], "name": name, "version": announced["version"], "content_hash": content_hash})
    }

    /// Runs one trial to its end, with a reward, and leaves these files: its id and their prefix.
    pub async fn left(&self, files: &[(&str, &[u8])]) -> (String, String) {
        let (trial_id, token) = self.begun().await;
        let (task_id, _) = trial_id.rsplit_once('-').unwrap();
        let prefix = key::attempt_prefix(task_id, &trial_id, 1).unwrap();
        for (path, content) in files {
            let key = Key::parse(format!("{prefix}{path}")).unwrap();
            self.store.put(&key, Bytes::copy_from_slice(content)).await.unwrap();
        }
        let outcome = Outcome {
            succeeded: true,
            reward: Some(1.0),
            rewards: Some(json!({"reward": 1.0})),
            artifact_prefix: Some(prefix.clone()),
            ..Outcome::default()
        };
        attempts::record(&self.db, token, &outcome, &RetrySettings::default(), OffsetDateTime::now_utc())
            .await
            .unwrap();
        (trial_id, prefix)
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    /// Patches with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = Request::patch(path).header(header::CONTENT_TYPE, "application/json");
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Posts with an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "application/json").header("idempotency-key", key);
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Claims one job and begins it: the trial's id and the token.
    pub async fn begun(&self) -> (String, Uuid) {
        let now = OffsetDateTime::now_utc();
        let claim = queue::claim(&self.db, 1, now).await.unwrap().pop().expect("a claim");
        let process = ProcessIdentity { host: "h".to_owned(), pid: 1, started_at: now };
        attempts::begin(&self.db, claim.attempt.token, &process, now).await.unwrap().expect("a fresh token");
        (claim.attempt.subject, claim.attempt.token)
    }

    /// Runs one trial to its end, with a reward: its id.
    pub async fn succeeded(&self) -> String {
        let (trial_id, token) = self.begun().await;
        let outcome =
            Outcome { succeeded: true, reward: Some(1.0), rewards: Some(json!({"reward": 1.0})), ..Outcome::default() };
        attempts::record(&self.db, token, &outcome, &RetrySettings::default(), OffsetDateTime::now_utc())
            .await
            .unwrap();
        trial_id
    }

    /// Id of a task's experiment.
    pub async fn experiment_of(&self, task_id: &str) -> String {
        let task = self.get(&format!("/tasks/{task_id}")).await.json();
        task["experiment_id"].as_str().unwrap().to_owned()
    }

    /// Status of each trial of a task.
    pub async fn statuses(&self, task_id: &str) -> Vec<String> {
        let task = self.get(&format!("/tasks/{task_id}")).await.json();
        let trials = task["trials"].as_array().unwrap().iter();
        trials.map(|trial| trial["status"].as_str().unwrap().to_owned()).collect()
    }

    /// Uploads an archive under a file name.
    pub async fn upload(&self, file_name: &str, archive: &[u8]) -> Answer {
        let mut form = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
             content-type: application/gzip\r\n\r\n"
        )
        .into_bytes();
        form.extend_from_slice(archive);
        form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        self.post_form(form).await
    }

    /// Posts a form to `POST /tasks/upload`.
    pub async fn post_form(&self, form: Vec<u8>) -> Answer {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.ask(
            Request::post("/tasks/upload").header(header::CONTENT_TYPE, content_type).body(Body::from(form)).unwrap(),
        )
        .await
    }

    /// Uploads the example task and returns its id.
    pub async fn uploaded(&self) -> String {
        let answer = self.upload("hello.tar.gz", &hello_archive().await).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["task_id"].as_str().unwrap().to_owned()
    }

    /// Uploads the example task and submits `trials` trials of it with `oracle`.
    pub async fn submitted(&self, trials: u32) -> String {
        let task_id = self.uploaded().await;
        let sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle", "n_trials": trials}]});
        let answer = self.post("/tasks/sweep", &sweep.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        task_id
    }
}

/// The example task, packed as the client packs it.
pub async fn hello_archive() -> Vec<u8> {
    archive_of(&hello_task()).await
}

/// A task's folder, packed as the client packs it.
pub async fn archive_of(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive::pack(folder, &mut bytes).await.unwrap();
    bytes
}

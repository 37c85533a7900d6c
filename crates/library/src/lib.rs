//! Oddish as a library, for a service that runs evaluations itself instead of calling an API.
//!
//! [`Settings`] are read once, [`Oddish::open`] connects and brings the schema up to date. [`Oddish::create_task`] stores a task's folder and
//! queues its trials, a [`Worker`] runs them, [`Oddish::get_task_with_trials`] and [`Oddish::get_queue_stats`] tell how far they are. They
//! go through the same handlers as requests over HTTP, so that the same rules hold and the same [`schemas`] come back.
//!
//! `examples/evaluate.rs` is a whole program. What this crate has no word for is in [`db`], whose functions take [`Oddish::db`].

mod error;
mod handlers;
mod settings;
mod worker;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Method;
use oddish::capabilities::{Artifacts, Expansion, Limits, Wake};
use oddish_artifacts::SharedStore;
use oddish_artifacts::archive;
use oddish_db::{queue_keys, secret_fingerprint};
use oddish_domain::sealing::{SECRET_KEY, SealingKey, SecretKey};
use oddish_functions::http::auth::{Auth, AuthMode};
use oddish_functions::http::router;
use oddish_functions::state::Everything;
use time::OffsetDateTime;

pub use error::Error;
pub use oddish_db as db;
pub use settings::Settings;
pub use worker::Worker;

/// What goes in and comes out, as over HTTP.
pub mod schemas {
    pub use oddish_api_types::*;
}

use schemas::{QueueResponse, SweepRequest, TaskResponse, TaskStatusResponse, UploadResponse};

/// A database, a store and what may be done with them.
#[derive(Clone)]
pub struct Oddish {
    settings: Arc<Settings>,
    db: db::Db,
    store: SharedStore,
    handlers: Router,
}

impl Oddish {
    /// Connects to the database, applies the migrations that are missing, opens the store, and makes the database's concurrency limits those
    /// of the settings.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let db = db::connect(&settings.database, settings.pool_size).await?;
        db::schema::migrate(&db).await?;
        agree_on_secret(&db, settings.storage.secret_key.as_ref()).await?;
        queue_keys::apply_limits(&db, &settings.limits, OffsetDateTime::now_utc()).await?;
        let store = settings.storage.open(None).await?;
        let everything = Everything {
            // Whoever holds this value may do everything anyway.
            auth: Auth::new(AuthMode::None, &db),
            db: db.clone(),
            artifacts: Artifacts(Arc::clone(&store)),
            rules: settings.uploads,
            judges: settings.judges.clone(),
            limits: Limits {
                concurrency: Arc::new(settings.limits.clone()),
                max_attempts: settings.retries.max_attempts,
            },
            expansion: Expansion {
                sealing: settings.storage.secret_key.as_ref().map(SealingKey::of),
                docker: settings.docker,
                allow_host_access: settings.allow_host_access,
            },
            wake: Wake::through(db.clone()),
        };
        let handlers = router::router(&everything, Router::new());
        Ok(Self { settings: Arc::new(settings), db, store, handlers })
    }

    /// The database, for the functions of [`db`].
    #[must_use]
    pub fn db(&self) -> &db::Db {
        &self.db
    }

    /// Stores the task of a folder, named after it, and queues its trials. `sweep` says which; its `task_id` and its `version`
    /// are filled in here.
    pub async fn create_task(&self, folder: &Path, sweep: SweepRequest) -> Result<TaskResponse, Error> {
        let uploaded = self.upload_task(folder).await?;
        let name = sweep.name.or_else(|| name_of(folder));
        let version = uploaded.version;
        self.queue_trials(SweepRequest { task_id: uploaded.task_id, version, name, ..sweep }).await
    }

    /// Stores the task of a folder, named after it, without trials.
    pub async fn upload_task(&self, folder: &Path) -> Result<UploadResponse, Error> {
        let mut packed = Vec::new();
        archive::pack(folder, &mut packed).await?;
        let (content_type, body) = handlers::form(&name_of(folder).unwrap_or_default(), &packed);
        handlers::call(&self.handlers, Method::POST, "/tasks/upload", Some(&content_type), body).await
    }

    /// Queues trials of a task that was uploaded.
    pub async fn queue_trials(&self, sweep: SweepRequest) -> Result<TaskResponse, Error> {
        let body = serde_json::to_vec(&sweep)?;
        let json = Some("application/json");
        handlers::call(&self.handlers, Method::POST, "/tasks/sweep", json, Body::from(body)).await
    }

    /// A task with its trials, if there is one of this id that was submitted.
    pub async fn get_task_with_trials(&self, task_id: &str) -> Result<Option<TaskStatusResponse>, Error> {
        let path = format!("/tasks/{}", handlers::segment(task_id));
        match handlers::call(&self.handlers, Method::GET, &path, None, Body::empty()).await {
            Ok(task) => Ok(Some(task)),
            Err(Error::Refused { status: http::StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The queue keys: their limits, what runs and what waits.
    pub async fn get_queue_stats(&self) -> Result<Vec<QueueResponse>, Error> {
        handlers::call(&self.handlers, Method::GET, "/queues", None, Body::empty()).await
    }

    /// Begins to run trials on this machine, as many at once as the limits of their queue keys and `ODDISH_MAX_RUNNERS` allow, until
    /// [`Worker::stop`].
    pub fn start_worker(&self) -> Result<Worker, Error> {
        Worker::start(&self.settings, self.db.clone(), Arc::clone(&self.store))
    }
}

/// Fails if the database is used with another secret than this one; the first program has its own put on record.
async fn agree_on_secret(db: &db::Db, secret: Option<&SecretKey>) -> Result<(), Error> {
    let Some(secret) = secret else { return Ok(()) };
    let (fingerprint, source) = (secret.fingerprint(), format!("{SECRET_KEY} of a program with this library"));
    let known = secret_fingerprint::agree(db, &fingerprint, &source, OffsetDateTime::now_utc()).await?;
    if known.fingerprint == fingerprint { Ok(()) } else { Err(Error::OtherSecret(known.source)) }
}

/// The folder's own name, also of `.`.
fn name_of(folder: &Path) -> Option<String> {
    let path = folder.canonicalize().ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

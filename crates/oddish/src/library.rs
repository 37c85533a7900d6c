//! Oddish in a program that runs evaluations itself instead of calling an API.

mod open_error;
mod settings;
#[cfg(feature = "worker")]
mod worker;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use oddish_api_types::{GetTaskQuery, QueueResponse, SweepRequest, TaskResponse, TaskStatusResponse, UploadResponse};
use oddish_artifacts::archive::{self, PackError};
use oddish_db::{Db, queue_keys, schema, secret_fingerprint};
use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use tempfile::NamedTempFile;
use time::OffsetDateTime;

pub use open_error::OpenError;
pub use settings::Settings;
#[cfg(feature = "worker")]
pub use worker::{RunnerMissing, Worker, WorkerBroke, WorkerSettings};

use crate::capabilities::{Artifacts, Wake};
use crate::uploads::TaskName;
use crate::{Error, Submission, queues, sweeps, tasks, uploads};

/// A database and a store, opened with the settings of this program.
///
/// Its methods are the services with the parameters that the settings fill in. For all others, call the services with [`Oddish::db`].
#[derive(Clone)]
pub struct Oddish {
    settings: Arc<Settings>,
    db: Db,
    artifacts: Artifacts,
    wake: Wake,
}

impl Oddish {
    /// Connects to the database, applies the migrations that are missing, opens the store, and makes the database's concurrency limits those
    /// of the settings.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let db = oddish_db::connect(&settings.database, settings.pool_size).await?;
        schema::migrate(&db).await?;
        agree_on_secret(&db, settings.storage.secret_key.as_ref()).await?;
        queue_keys::apply_limits(&db, &settings.limits.concurrency, OffsetDateTime::now_utc()).await?;
        let artifacts = Artifacts(settings.storage.open(None).await?);
        let wake = Wake::through(db.clone());
        Ok(Self { settings: Arc::new(settings), db, artifacts, wake })
    }

    /// The database, for the services and the functions of [`db`](crate::db).
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Stores the task in a folder, named after the folder, and queues its trials. `sweep` says which; its `task_id` and its `version`
    /// are filled in here.
    pub async fn create_task(&self, folder: &Path, sweep: SweepRequest) -> Result<TaskResponse, Error> {
        let uploaded = self.upload_task(folder).await?;
        let (name, version) = (sweep.name.or(Some(uploaded.name)), uploaded.version);
        self.queue_trials(SweepRequest { task_id: uploaded.task_id, version, name, ..sweep }).await
    }

    /// Stores the task in a folder, named after the folder, without trials.
    pub async fn upload_task(&self, folder: &Path) -> Result<UploadResponse, Error> {
        let packed = pack(folder).await?;
        let name = TaskName::parse(&name_of(folder).unwrap_or_default())
            .map_err(|error| Error::refused(format!("the folder's name cannot name a task: {error}")))?;
        let now = OffsetDateTime::now_utc();
        uploads::create(&self.db, &self.artifacts, &self.settings.uploads, name, packed.path(), now).await
    }

    /// Queues trials of a task that was uploaded.
    pub async fn queue_trials(&self, sweep: SweepRequest) -> Result<TaskResponse, Error> {
        let Settings { judges, limits, expansion, .. } = &*self.settings;
        let submission = Submission::of(&sweep);
        sweeps::create(&self.db, judges, limits, expansion, &self.wake, submission, OffsetDateTime::now_utc()).await
    }

    /// Returns a task with its trials, if a task of this id was submitted.
    pub async fn get_task_with_trials(&self, task_id: &str) -> Result<Option<TaskStatusResponse>, Error> {
        let now = OffsetDateTime::now_utc();
        match tasks::get(&self.db, task_id.to_owned(), &GetTaskQuery::default(), now).await {
            Ok(task) => Ok(Some(task)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the queue keys: their limits, what runs and what waits.
    pub async fn get_queue_stats(&self) -> Result<Vec<QueueResponse>, Error> {
        queues::list(&self.db).await
    }

    /// Begins to run trials on this machine, as many at once as the limits of their queue keys and `ODDISH_MAX_RUNNERS` allow, until
    /// [`Worker::stop`].
    #[cfg(feature = "worker")]
    pub fn start_worker(&self) -> Result<Worker, RunnerMissing> {
        Worker::start(self.db.clone(), self.artifacts.clone(), self.settings.of_worker())
    }
}

/// Fails if the database is used with another secret than this one; the first program has its own put on record.
async fn agree_on_secret(db: &Db, secret: Option<&SecretKey>) -> Result<(), OpenError> {
    let Some(secret) = secret else { return Ok(()) };
    let (fingerprint, source) = (secret.fingerprint(), format!("{SECRET_KEY} of a program with this library"));
    let known = secret_fingerprint::agree(db, &fingerprint, &source, OffsetDateTime::now_utc()).await?;
    if known.fingerprint == fingerprint { Ok(()) } else { Err(OpenError::OtherSecret(known.source)) }
}

/// Packs a folder into a temporary file.
async fn pack(folder: &Path) -> Result<NamedTempFile, Error> {
    let file = NamedTempFile::new().map_err(Error::internal)?;
    let out = tokio::fs::File::from_std(file.reopen().map_err(Error::internal)?);
    archive::pack(folder, out).await.map_err(|error| match error {
        PackError::Io { ref source, .. } if source.kind() == ErrorKind::NotFound => {
            Error::not_found(format!("{error}: {source}"))
        }
        PackError::Io { .. } => Error::internal(error),
        error => Error::refused(error.to_string()),
    })?;
    Ok(file)
}

/// The folder's own name, also of `.`.
fn name_of(folder: &Path) -> Option<String> {
    let path = folder.canonicalize().ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

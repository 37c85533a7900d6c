//! Brings one task to the server in two steps: announce it, put its archive into the store, complete it (docs/compatibility.md, 1.5).

use std::io::{Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use oddish_api_types::{CompleteUploadRequest, InitUploadRequest, InitUploadResponse, UploadResponse};
use oddish_artifacts::archive::pack;
use oddish_artifacts::hash::{self, HashError};
use reqwest::{Body, StatusCode};
use tokio_util::io::{InspectReader, ReaderStream};

use crate::client::{Client, ClientError, ObjectStore, SignedRequest};
use crate::packing::cannot_pack;
use crate::plain_text;
use crate::task_dirs::{TaskDir, shown};

/// Waits before what can be repeated without harm is repeated.
const REPEAT_PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];
const READ_BYTES: usize = 64 * 1024;

/// A task that the server has.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) task_id: String,
    /// The version that is the folder's archive.
    pub(crate) version: i32,
    /// Whether it was there before, so that nothing was sent.
    pub(crate) unchanged: bool,
    /// What the server noted about the task.
    pub(crate) warnings: Vec<String>,
}

/// A packed task, in a file without a name: it is gone with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Archive {
    file: std::fs::File,
    length: u64,
    content_hash: String,
    sha256: String,
}

impl Archive {
    /// Packs a task's folder and hashes its contents. The fault is safe to print.
    pub(crate) async fn of(task: &TaskDir) -> Result<Self, String> {
        let no_file = |error| format!("cannot pack: no temporary file: {error}");
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(no_file)?);
        let packed = pack(&task.path, &mut file).await.map_err(cannot_pack)?;
        let content_hash = hash::content_hash(&task.path).await.map_err(|error| match error {
            HashError::Read { path, source } => format!("cannot pack: {}: {source}", shown(&path)),
            other @ HashError::NonUtf8Name { .. } => format!("cannot pack: {}", plain_text::line(&other.to_string())),
        })?;
        let file = file.into_std().await;
        let length = file.metadata().map_err(no_file)?.len();
        Ok(Self { file, length, content_hash, sha256: packed.sha256 })
    }

    /// The archive from its start, telling `read` of each piece as it is read.
    fn body(&self, mut read: impl FnMut(u64) + Send + 'static) -> std::io::Result<Body> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let reader = InspectReader::new(tokio::fs::File::from_std(file), move |bytes| read(bytes.len() as u64));
        Ok(Body::wrap_stream(ReaderStream::with_capacity(reader, READ_BYTES)))
    }
}

/// What the uploads of one run share.
#[derive(Debug)]
pub(crate) struct Uploader {
    client: Client,
    store: ObjectStore,
    bar: ProgressBar,
}

impl Uploader {
    /// Uploads to the server of `client`; `bar` counts the bytes.
    pub(crate) fn new(client: Client, bar: ProgressBar) -> Self {
        Self { client, store: ObjectStore::default(), bar }
    }

    /// Makes the archive the newest version of the task `name`, unless it is that already.
    pub(crate) async fn upload(&self, name: &str, archive: &Archive) -> Result<Uploaded, ClientError> {
        let announced = self.announce(name, archive).await?;
        if announced.content_unchanged {
            return Ok(Uploaded {
                task_id: announced.task_id,
                version: announced.version,
                unchanged: true,
                warnings: Vec::new(),
            });
        }
        self.put(&self.signed_request(&announced)?, archive).await?;
        let version = announced.version;
        let stored = self.complete(announced).await?;
        Ok(Uploaded { task_id: stored.task_id, version, unchanged: false, warnings: stored.warnings })
    }

    /// Not repeated when its answer is lost: each announcement takes a version number.
    async fn announce(&self, name: &str, archive: &Archive) -> Result<InitUploadResponse, ClientError> {
        let request = InitUploadRequest {
            name: name.into(),
            content_hash: archive.content_hash.clone(),
            archive_sha256: Some(archive.sha256.clone()),
            message: None,
            size: Some(archive.length),
        };
        self.client.init_upload(&request).await
    }

    fn signed_request(&self, announced: &InitUploadResponse) -> Result<SignedRequest, ClientError> {
        let server = self.client.server();
        let url = announced.upload_url.as_deref().ok_or_else(|| "there is no upload URL".to_owned());
        url.and_then(|url| {
            SignedRequest::parse(server, url, announced.upload_method.as_deref(), &announced.upload_headers)
        })
        .map_err(|reason| ClientError::Foreign { server: server.into(), reason })
    }

    /// Puts the archive into the store, from its start each time: what was put before is written over.
    async fn put(&self, request: &SignedRequest, archive: &Archive) -> Result<(), ClientError> {
        self.bar.inc_length(archive.length);
        let mut pauses = REPEAT_PAUSES.into_iter();
        loop {
            let sent = Arc::new(AtomicU64::new(0));
            let (bar, counted) = (self.bar.clone(), Arc::clone(&sent));
            let body = archive.body(move |bytes| {
                bar.inc(bytes);
                counted.fetch_add(bytes, Ordering::Relaxed);
            });
            let body = body.map_err(|error| ClientError::Interrupted {
                server: self.client.server().into(),
                reason: format!("the packed task cannot be read: {error}"),
            })?;
            match (self.store.put(request, body, archive.length).await, pauses.next()) {
                (Err(error), Some(pause)) if error.is_passing() => {
                    tokio::time::sleep(pause).await;
                    self.bar.dec(sent.load(Ordering::Relaxed));
                }
                (result, _) => return Ok(result?),
            }
        }
    }

    /// Completing again gives the same answer, so that a lost one is asked for again.
    async fn complete(&self, announced: InitUploadResponse) -> Result<UploadResponse, ClientError> {
        let InitUploadResponse { task_id, name, version, content_hash, .. } = announced;
        let request = CompleteUploadRequest {
            task_id,
            name,
            version,
            content_hash,
            message: None,
            register_task: false,
            user: None,
            priority: None,
        };
        let client = self.client.without_repeats();
        let mut answer_was_lost = false;
        let mut pauses = REPEAT_PAUSES.into_iter();
        loop {
            match (client.complete_upload(&request).await, pauses.next()) {
                // A request whose answer was lost may still be at work, and the server lets one complete at a time.
                (Err(error), Some(pause)) if error.is_passing() || (answer_was_lost && is_conflict(&error)) => {
                    answer_was_lost = true;
                    tokio::time::sleep(pause).await;
                }
                (result, _) => return result,
            }
        }
    }
}

fn is_conflict(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { status: StatusCode::CONFLICT, .. })
}

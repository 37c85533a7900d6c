//! Packs, uploads and sweeps tasks, several at a time.

use std::io::{Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use oddish_api_types::{SweepRequest, TaskResponse, UploadResponse};
use oddish_artifacts::archive::{PackError, pack};
use reqwest::Body;
use tokio::sync::Mutex;
use tokio_util::io::{InspectReader, ReaderStream};

use crate::client::{Client, ClientError};
use crate::plain_text;
use crate::printer::Printer;
use crate::task_dirs::{TaskDir, shown};

const PARALLEL_TASKS: usize = 4;
/// Waits before a connection is tried again; as many tries as waits, and one.
const RECONNECT_PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
const READ_BYTES: usize = 64 * 1024;

/// A task whose trials are on their way.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) name: String,
    pub(crate) sweep: TaskResponse,
    /// What the server noted about the task.
    pub(crate) warnings: Vec<String>,
}

/// A task that was not submitted.
#[derive(Debug)]
pub(crate) struct NotSubmitted {
    pub(crate) task: String,
    /// Each of its faults, safe to print.
    pub(crate) faults: Vec<String>,
    /// What the user may do about it.
    pub(crate) hint: Option<&'static str>,
}

impl NotSubmitted {
    /// Not submitted because of what is on this machine.
    pub(crate) fn locally(task: &TaskDir, faults: Vec<String>) -> Self {
        Self { task: plain_text::line(&task.name), faults, hint: None }
    }

    fn by_server(task: &TaskDir, what: &str, error: &ClientError) -> Self {
        Self { hint: error.hint(), ..Self::locally(task, vec![format!("{what}: {error}")]) }
    }
}

/// Submits every task, in their order; one that fails doesn't keep the others back, unless the server can't be reached.
pub(crate) async fn submit(
    client: &Client,
    printer: &Printer,
    tasks: Vec<TaskDir>,
    sweep: SweepRequest,
) -> Vec<Result<Submitted, NotSubmitted>> {
    let submission = Arc::new(Submission {
        client: client.clone(),
        sweep,
        experiment_id: Mutex::new(None),
        unreachable: AtomicBool::new(false),
        bar: progress_bar(printer),
    });
    let number = tasks.len();
    let mut results = Vec::with_capacity(number);
    let mut running = stream::iter(tasks)
        .map(|task| {
            let submission = Arc::clone(&submission);
            async move {
                let again = task.clone();
                // A task of its own each, since packing keeps a core busy.
                tokio::spawn(async move { submission.submit_one(&task).await })
                    .await
                    .unwrap_or_else(|stopped| Err(NotSubmitted::locally(&again, vec![stopped.to_string()])))
            }
        })
        .buffered(PARALLEL_TASKS);
    while let Some(result) = running.next().await {
        results.push(result);
        submission.bar.set_message(format!("{}/{number} tasks", results.len()));
    }
    submission.bar.finish_and_clear();
    results
}

/// What the tasks of one run share.
struct Submission {
    client: Client,
    sweep: SweepRequest,
    /// Id of the experiment, once the first sweep made or found it.
    experiment_id: Mutex<Option<String>>,
    unreachable: AtomicBool,
    bar: ProgressBar,
}

impl Submission {
    async fn submit_one(&self, task: &TaskDir) -> Result<Submitted, NotSubmitted> {
        if self.unreachable.load(Ordering::Relaxed) {
            return Err(NotSubmitted::locally(task, vec!["not tried".into()]));
        }
        let archive =
            packed(task).await.map_err(|fault| NotSubmitted::locally(task, vec![format!("cannot pack: {fault}")]))?;
        let upload = self.upload(&task.name, &archive).await.map_err(|error| {
            if matches!(error, ClientError::Unreachable { .. }) {
                self.unreachable.store(true, Ordering::Relaxed);
            }
            NotSubmitted::by_server(task, "cannot upload", &error)
        })?;
        let sweep = self.sweep(upload.task_id).await;
        let sweep = sweep.map_err(|error| NotSubmitted::by_server(task, "cannot submit", &error))?;
        Ok(Submitted { name: task.name.clone(), sweep, warnings: upload.warnings })
    }

    /// Uploads an archive. Tried again only when no connection came about: a second upload is a second task.
    async fn upload(&self, name: &str, archive: &Archive) -> Result<UploadResponse, ClientError> {
        self.bar.inc_length(archive.length);
        let mut pauses = RECONNECT_PAUSES.into_iter();
        loop {
            let body = archive.body(self.bar.clone()).map_err(|error| ClientError::Interrupted {
                server: self.client.server().into(),
                reason: format!("the packed task cannot be read: {error}"),
            })?;
            match (self.client.upload(format!("{name}.tar.gz"), body, archive.length).await, pauses.next()) {
                (Err(ClientError::Unreachable { .. }), Some(pause)) => tokio::time::sleep(pause).await,
                (result, _) => return result,
            }
        }
    }

    /// Posts the sweep of one task. The first goes alone, and the others name the experiment that it got by its id: by
    /// name, several at once could each make one.
    async fn sweep(&self, task_id: String) -> Result<TaskResponse, ClientError> {
        let mut sweep = SweepRequest { task_id, ..self.sweep.clone() };
        let mut first = self.experiment_id.lock().await;
        if let Some(id) = first.clone() {
            drop(first);
            sweep.experiment_id = Some(id);
            return self.client.submit_sweep(&sweep).await;
        }
        let response = self.client.submit_sweep(&sweep).await?;
        first.clone_from(&response.experiment_id);
        Ok(response)
    }
}

/// A packed task, in a file without a name: it is gone with the process, however that ends.
struct Archive {
    file: std::fs::File,
    length: u64,
}

async fn packed(task: &TaskDir) -> Result<Archive, String> {
    let mut file =
        tokio::fs::File::from_std(tempfile::tempfile().map_err(|error| format!("no temporary file: {error}"))?);
    pack(&task.path, &mut file).await.map_err(|error| match error {
        PackError::Io { path, source } => format!("{}: {source}", shown(&path)),
        other => plain_text::line(&other.to_string()),
    })?;
    let file = file.into_std().await;
    let length = file.metadata().map_err(|error| format!("no temporary file: {error}"))?.len();
    Ok(Archive { file, length })
}

impl Archive {
    /// The archive from its start, moving the bar as it is read.
    fn body(&self, bar: ProgressBar) -> std::io::Result<Body> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let reader = InspectReader::new(tokio::fs::File::from_std(file), move |bytes| bar.inc(bytes.len() as u64));
        Ok(Body::wrap_stream(ReaderStream::with_capacity(reader, READ_BYTES)))
    }
}

fn progress_bar(printer: &Printer) -> ProgressBar {
    let target = if printer.is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template("Uploading {bar:30} {bytes}/{total_bytes} {msg}") {
        bar.set_style(style);
    }
    bar
}

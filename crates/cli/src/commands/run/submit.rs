//! Packs, uploads and sweeps tasks, several at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use oddish_api_types::{SweepRequest, TaskResponse};
use tokio::sync::Mutex;

use super::upload::{Archive, Uploaded, Uploader};
use crate::client::{Client, ClientError};
use crate::plain_text;
use crate::printer::Printer;
use crate::task_dirs::{OddDir, TaskDir};

const PARALLEL_TASKS: usize = 4;
/// Tasks in a row for which the server may fail before those that are left are not tried: a full disk takes none of them.
const MOST_FAILURES: usize = 3;

/// A task whose trials are on their way.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) name: String,
    pub(crate) sweep: TaskResponse,
    /// The version that was on the server already, so that nothing was uploaded.
    pub(crate) reused_version: Option<i32>,
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
    /// Whether it was not even tried, since those before it failed by what would fail it too.
    pub(crate) untried: bool,
}

impl NotSubmitted {
    /// Not submitted because of what is on this machine.
    pub(crate) fn locally(task: &TaskDir, faults: Vec<String>) -> Self {
        Self { task: plain_text::line(&task.name), faults, hint: None, untried: false }
    }

    /// Not submitted, since its directory cannot be a task.
    pub(crate) fn odd(dir: OddDir) -> Self {
        Self { task: dir.shown, faults: vec![dir.fault], hint: None, untried: false }
    }

    fn untried(task: &TaskDir) -> Self {
        Self { untried: true, ..Self::locally(task, vec!["not tried".into()]) }
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
    let bar = progress_bar(printer);
    let submission = Arc::new(Submission {
        client: client.clone(),
        uploader: Uploader::new(client.clone(), bar.clone()),
        sweep,
        experiment_id: Mutex::new(None),
        unreachable: AtomicBool::new(false),
        failures: AtomicUsize::new(0),
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
        bar.set_message(format!("{}/{number} tasks", results.len()));
    }
    bar.finish_and_clear();
    results
}

/// What the tasks of one run share.
struct Submission {
    client: Client,
    uploader: Uploader,
    sweep: SweepRequest,
    /// Id of the experiment, once the first sweep made or found it.
    experiment_id: Mutex<Option<String>>,
    /// Whether those that are left need not be tried.
    unreachable: AtomicBool,
    /// Tasks in a row for which the server failed.
    failures: AtomicUsize,
}

impl Submission {
    async fn submit_one(&self, task: &TaskDir) -> Result<Submitted, NotSubmitted> {
        if self.unreachable.load(Ordering::Relaxed) {
            return Err(NotSubmitted::untried(task));
        }
        let archive = Archive::of(task).await.map_err(|fault| NotSubmitted::locally(task, vec![fault]))?;
        let uploaded = self.uploader.upload(&task.name, &archive).await.map_err(|error| {
            self.note(&error);
            NotSubmitted::by_server(task, "cannot upload", &error)
        })?;
        let sweep = self.sweep(&uploaded).await.map_err(|error| {
            self.note(&error);
            NotSubmitted::by_server(task, "cannot submit", &error)
        })?;
        self.failures.store(0, Ordering::Relaxed);
        let Uploaded { version, unchanged, warnings, .. } = uploaded;
        Ok(Submitted { name: task.name.clone(), sweep, reused_version: unchanged.then_some(version), warnings })
    }

    /// Notes why a task was not submitted: others need not try where there is no server, or where it failed for several in a row.
    fn note(&self, error: &ClientError) {
        let failed = error.is_fault_of_server() && self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_FAILURES;
        if error.is_unreachable() || failed {
            self.unreachable.store(true, Ordering::Relaxed);
        }
    }

    /// Posts the sweep of one task, on the version that was uploaded, whatever became the newest since. Trials are added
    /// whether or not the task has some by now: another client may have submitted it first since it was announced.
    ///
    /// The first goes alone, and the others name the experiment that it got by its id: by name, several at once could each
    /// make one.
    async fn sweep(&self, uploaded: &Uploaded) -> Result<TaskResponse, ClientError> {
        let mut sweep = SweepRequest {
            task_id: uploaded.task_id.clone(),
            version: Some(uploaded.version),
            append_to_task: true,
            ..self.sweep.clone()
        };
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

fn progress_bar(printer: &Printer) -> ProgressBar {
    let target = if printer.is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template("Uploading {bar:30} {bytes}/{total_bytes} {msg}") {
        bar.set_style(style);
    }
    bar
}

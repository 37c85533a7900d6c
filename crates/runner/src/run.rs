//! One attempt from its beginning to its record.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use oddish_artifacts::key::{attempt_outcome_key, attempt_prefix};
use oddish_artifacts::{SharedStore, own_folder};
use oddish_db::attempts::{self, Assignment, Outcome, StoredOutcome};
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::{AttemptRef, Db, DbError};
use oddish_domain::failure::FailureClass;
use oddish_domain::retry::RetrySettings;
use oddish_domain::status::HarborStage;
use oddish_telemetry::outcomes;
use oddish_wake::Wake;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;
use tracing::{Span, error, info, warn};

use crate::attempt::Scratch;
use crate::clean_up::{remove_containers, remove_scratch};
use crate::contact::{Contact, StopReason, while_unreachable};
use crate::driver_environment::driver_environment;
use crate::error_message;
use crate::harbor_process::{DriverError, DriverLine, HarborProcess};
use crate::harbor_python::{HarborNotFound, find_harbor_python};
use crate::harbor_result::{failed, read_outcome};
use crate::identity::this_process;
use crate::live_log::{LiveLog, LogPlace};
use crate::preparation::{PreparationError, prepare, with_causes};
use crate::redaction::Redactor;
use crate::settings::RunnerSettings;
use crate::stop_signal::StopSignal;
use crate::upload::upload_tree;

/// How long Harbor may take to stop a trial and remove its containers. The launcher waits longer than that.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// How long a Python that has nothing more to do may take to end.
const EXIT_WITHIN: Duration = Duration::from_secs(5);
/// How long the database may be away before an attempt that has not begun is given up.
const BEGIN_WITHIN: Duration = Duration::from_mins(1);
/// How long the database may be away before an outcome is given up: it cost money, and a fail-over takes minutes.
const RECORD_WITHIN: Duration = Duration::from_mins(10);

/// What a runner works with.
#[derive(Debug)]
pub struct Runner {
    /// The database.
    pub db: Db,
    /// Wakes the dispatcher.
    pub wake: Wake,
    /// The artifact store.
    pub store: SharedStore,
    /// Its settings.
    pub settings: RunnerSettings,
    /// How failures are tried again.
    pub retries: RetrySettings,
    /// The environment variables of its own process.
    pub variables: Vec<(OsString, OsString)>,
}

/// How an attempt ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its outcome is recorded.
    Recorded,
    /// It was not ours any more, or never was; nothing was recorded.
    Stale,
    /// The runner was told to stop, or lost contact with the database: the trial is queued again.
    Interrupted,
    /// Somebody asked for the trial's end.
    Cancelled,
}

/// Why an attempt ended without a record. The launcher notices, and the trial is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database was away for too long, or refused.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The disk or the store failed.
    #[error(transparent)]
    Preparation(#[from] PreparationError),
    /// Somebody stopped Harbor, and not through us.
    #[error("Harbor was stopped from outside ({status}); nothing is recorded, so that the trial is tried again")]
    HarborStopped {
        /// How it ended.
        status: String,
    },
    /// The operating system failed us.
    #[error("cannot {doing}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Runs the attempt to its end.
pub async fn run(runner: &Runner, attempt: &AttemptRef) -> Result<Ending, RunError> {
    let mut stop = StopSignal::listen().map_err(system("listen for signals"))?;
    let scratch = Scratch::new(&runner.settings.jobs_dir, &attempt.subject, attempt.number);
    // Python needs a good part of a second to import Harbor. It does so while the attempt begins and the task is fetched.
    let harbor = start_harbor(runner, &scratch);
    let identity = this_process(OffsetDateTime::now_utc());
    let begun = while_unreachable(BEGIN_WITHIN, || {
        attempts::begin(&runner.db, attempt.token, &identity, OffsetDateTime::now_utc())
    })
    .await?;
    let Some(assignment) = begun else {
        info!("the attempt is not ours, or has begun already: nothing to do");
        return Ok(Ending::Stale);
    };
    Span::current().record("queue_key", &assignment.queue_key).record("task_id", &assignment.task_id);
    let contact = Contact::start(runner.db.clone(), attempt.token);
    // From here on the scratch folder is ours alone.
    let running = Running { runner, assignment: &assignment, scratch: &scratch, contact: &contact };
    let (ending, files_kept) = match harbor {
        Ok(mut harbor) => {
            let ended = running.trial(&mut harbor, &mut stop).await?;
            let closed = running.close(ended).await?;
            // Only now: the record did not have to wait for Python's own end.
            harbor.end(EXIT_WITHIN).await;
            closed
        }
        Err(error) => running.close(Ended::outcome(error.as_outcome())).await?,
    };
    if !files_kept {
        remove_scratch(&scratch).await;
    }
    Ok(ending)
}

/// Harbor could not be started at all.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    NotFound(#[from] HarborNotFound),
    #[error("cannot start Harbor's interpreter `{}` in `{}`", python.display(), folder.display())]
    Spawn { python: PathBuf, folder: PathBuf, source: io::Error },
}

impl StartError {
    fn as_outcome(&self) -> Outcome {
        failed("HarborNotStarted", &with_causes(self))
    }
}

fn start_harbor(runner: &Runner, scratch: &Scratch) -> Result<HarborProcess, StartError> {
    let settings = &runner.settings;
    let python = match &settings.harbor_python {
        Some(python) => python.clone(),
        None => find_harbor_python(&std::env::var_os("PATH").unwrap_or_default())?,
    };
    let folder = settings.jobs_dir.clone();
    let mut environment = driver_environment(runner.variables.iter().cloned(), &settings.pass_env);
    environment.push(("TMPDIR".into(), scratch.temporary().into()));
    let started = match own_folder::make(&folder) {
        Ok(()) => HarborProcess::spawn(&python, &folder, environment),
        Err(error) => Err(std::io::Error::other(error)),
    };
    started.map_err(|source| StartError::Spawn { python, folder, source })
}

/// An attempt that has begun.
struct Running<'a> {
    runner: &'a Runner,
    assignment: &'a Assignment,
    scratch: &'a Scratch,
    contact: &'a Contact,
}

/// How the trial ended.
enum Ended {
    /// With an outcome. When its files could not be stored, they are kept where they are.
    Outcome { outcome: Box<Outcome>, files_kept: bool },
    /// It was stopped before it was done.
    Stopped(Stop),
}

/// Who stopped a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// We were told to.
    Signal,
    /// The database has a reason, or could not be reached.
    Contact(StopReason),
}

impl Stop {
    /// For the trial's log.
    const fn text(self) -> &'static str {
        match self {
            Self::Signal => "The runner was told to stop.",
            Self::Contact(StopReason::Cancelled) => "The trial was cancelled.",
            Self::Contact(StopReason::Stale) => "The attempt was closed: the trial was given to another runner.",
            Self::Contact(StopReason::OutOfContact) => {
                "The database could not be reached for so long that the trial may be given to another runner."
            }
        }
    }
}

impl Ended {
    fn outcome(outcome: Outcome) -> Self {
        Self::Outcome { outcome: Box::new(outcome), files_kept: false }
    }
}

/// What ended the waiting for Harbor.
enum Awaited {
    Done,
    Failed(DriverError),
    Gone,
    Stopped(Stop),
}

impl Running<'_> {
    async fn trial(&self, harbor: &mut HarborProcess, stop: &mut StopSignal) -> Result<Ended, RunError> {
        let prepared = tokio::select! {
            biased;
            () = stop.received() => return Ok(Ended::Stopped(Stop::Signal)),
            reason = self.contact.stop_reason() => return Ok(Ended::Stopped(Stop::Contact(reason))),
            prepared = prepare(self.assignment, &self.runner.settings, &self.runner.store, self.scratch, &self.runner.variables)
                => prepared,
        };
        let redactor = match prepared {
            Ok(secrets) => secrets.redactor,
            Err(error) => return Ok(Ended::outcome(error.as_outcome().ok_or(error)?)),
        };
        let output = harbor.output().map_err(system("read what Harbor prints"))?;
        let log = LiveLog::start(self.runner.store.clone(), self.log_place(), &self.scratch.trial(), output, &redactor);
        // It may have died while it imported Harbor; following it tells why.
        let _broken_pipe = harbor.begin(&self.scratch.trial_config()).await;
        let mut agent_began = false;
        let awaited = self.follow(harbor, &log, stop, &mut agent_began).await;
        let mut outcome = match awaited {
            Awaited::Done => {
                let trial = self.scratch.trial();
                let read = tokio::task::spawn_blocking(move || read_outcome(&trial));
                read.await.unwrap_or_else(|error| failed("HarborResultUnreadable", &error.to_string()))
            }
            Awaited::Failed(error) => {
                let message = if error.message.is_empty() { &error.kind } else { &error.message };
                failed(&error.kind, message)
            }
            Awaited::Gone => match self.harbor_gone(harbor, stop).await? {
                Some(outcome) => outcome,
                None => return Ok(Ended::Stopped(Stop::Signal)),
            },
            Awaited::Stopped(stop) => {
                if !harbor.stop(STOP_WITHIN).await {
                    remove_containers(self.scratch.trial_name(), &self.runner.variables).await;
                }
                log.finish().await;
                return Ok(Ended::Stopped(stop));
            }
        };
        outcome.agent_began |= agent_began;
        redactor.outcome(&mut outcome);
        Ok(self.store_files(outcome, log, &redactor).await)
    }

    async fn follow(
        &self,
        harbor: &mut HarborProcess,
        log: &LiveLog,
        stop: &mut StopSignal,
        agent_began: &mut bool,
    ) -> Awaited {
        loop {
            let next = tokio::select! {
                biased;
                () = stop.received() => Err(Stop::Signal),
                reason = self.contact.stop_reason() => Err(Stop::Contact(reason)),
                line = harbor.next() => Ok(line),
            };
            let line = match next {
                Ok(line) => line,
                Err(stop) => {
                    log.line(stop.text());
                    return Awaited::Stopped(stop);
                }
            };
            match line {
                Ok(Some(DriverLine::Ready { ready })) => info!(seconds = ready, "Harbor is imported"),
                Ok(Some(DriverLine::Event { event })) => {
                    log.line(format!("[{}] {event}", now_text()));
                    if let Some(stage) = stage_of(&event) {
                        *agent_began |= stage == HarborStage::AgentRunning;
                        self.contact.stage(stage);
                    }
                }
                Ok(Some(DriverLine::Log { log: _, text })) => log.line(text),
                Ok(Some(DriverLine::Done { .. })) => return Awaited::Done,
                Ok(Some(DriverLine::Failed { error })) => {
                    log.line(error.traceback.as_str());
                    return Awaited::Failed(error);
                }
                Ok(None) => return Awaited::Gone,
                Err(error) => {
                    warn!(%error, "cannot read from the Harbor driver");
                    return Awaited::Gone;
                }
            }
        }
    }

    /// What to make of a Harbor that ended without a word. `None` when it and we were told to stop together.
    async fn harbor_gone(
        &self,
        harbor: &mut HarborProcess,
        stop: &mut StopSignal,
    ) -> Result<Option<Outcome>, RunError> {
        use std::os::unix::process::ExitStatusExt;

        let Ok(Ok(status)) = timeout(EXIT_WITHIN, harbor.wait()).await else {
            return Ok(Some(failed("HarborCrashed", "Harbor closed its output without a result, and did not end.")));
        };
        remove_containers(self.scratch.trial_name(), &self.runner.variables).await;
        let told = [nix::libc::SIGTERM, nix::libc::SIGINT];
        if status.code() == Some(130) || status.signal().is_some_and(|number| told.contains(&number)) {
            return match timeout(Duration::from_secs(1), stop.received()).await {
                Ok(()) => Ok(None),
                Err(_) => Err(RunError::HarborStopped { status: status.to_string() }),
            };
        }
        let tail = harbor.output_tail();
        Ok(Some(failed("HarborCrashed", &format!("Harbor ended without a result ({status}). It last said: {tail}"))))
    }

    /// Stores what the trial left and the rest of its live log.
    async fn store_files(&self, mut outcome: Outcome, log: LiveLog, redactor: &Redactor) -> Ended {
        let trial = self.scratch.trial();
        let Assignment { task_id, attempt: AttemptRef { subject: trial_id, .. }, .. } = self.assignment;
        let mut files_kept = false;
        match attempt_prefix(task_id, trial_id, self.log_place().attempt) {
            Ok(prefix) if trial.is_dir() => {
                let (stored, ()) =
                    tokio::join!(upload_tree(&self.runner.store, &prefix, &trial, redactor), log.finish());
                match stored {
                    Ok(stored) => {
                        outcome.artifact_prefix = (!stored.is_empty()).then_some(prefix);
                        outcome.omitted_files = stored.omitted;
                    }
                    Err(error) => {
                        error!(error = &error as &dyn std::error::Error, "cannot store the trial's files");
                        files_kept = true;
                        let message = format!(
                            "The trial's files could not be stored and stay in {}: {}",
                            trial.display(),
                            with_causes(&error)
                        );
                        outcome.error_type.get_or_insert_with(|| "FilesNotStored".to_owned());
                        outcome.error_message.get_or_insert(message);
                    }
                }
            }
            Ok(_) => log.finish().await,
            Err(error) => error!(%error, "the trial's files have no place in the store"),
        }
        Ended::Outcome { outcome: Box::new(outcome), files_kept }
    }

    /// Writes into the database how the attempt ended, and wakes the dispatcher. The second value tells whether its
    /// files are to be kept.
    async fn close(&self, ended: Ended) -> Result<(Ending, bool), RunError> {
        let Runner { db, .. } = self.runner;
        let token = self.assignment.attempt.token;
        let now = OffsetDateTime::now_utc;
        let (fenced, ending, files_kept) = match ended {
            Ended::Outcome { mut outcome, files_kept } => {
                let gone = (!files_kept).then_some((self.scratch, self.assignment.task_name.as_str()));
                error_message::finish(&mut outcome, gone);
                self.store_outcome(&outcome).await;
                let record = || attempts::record(db, token, &outcome, &self.runner.retries, now());
                let recorded = while_unreachable(RECORD_WITHIN, record).await?;
                count(recorded, outcome.failure(now()).map(|failure| failure.class));
                let fenced = if recorded == Recorded::Stale { Fenced::Stale } else { Fenced::Accepted };
                (fenced, Ending::Recorded, files_kept)
            }
            Ended::Stopped(Stop::Contact(StopReason::Stale)) => (Fenced::Stale, Ending::Stale, false),
            Ended::Stopped(Stop::Contact(StopReason::Cancelled)) => {
                let cancelled = || attempts::cancelled(db, token, now());
                let fenced = while_unreachable(BEGIN_WITHIN, cancelled).await?;
                if fenced == Fenced::Accepted {
                    outcomes::trial_ended(Some(FailureClass::Cancelled));
                }
                (fenced, Ending::Cancelled, false)
            }
            Ended::Stopped(stop @ (Stop::Signal | Stop::Contact(StopReason::OutOfContact))) => {
                let interrupt = || attempts::interrupt(db, token, stop.text(), now());
                (while_unreachable(BEGIN_WITHIN, interrupt).await?, Ending::Interrupted, false)
            }
        };
        if fenced == Fenced::Stale {
            info!("the attempt is not ours any more: nothing is recorded");
            return Ok((Ending::Stale, false));
        }
        self.runner.wake.dispatcher().await;
        Ok((ending, files_kept))
    }

    /// Stores the outcome, so that it is not lost with this process: whoever finds the attempt without its runner records it from there. A
    /// store that fails is no reason not to record.
    async fn store_outcome(&self, outcome: &Outcome) {
        let Assignment { task_id, attempt: AttemptRef { subject: trial_id, .. }, .. } = self.assignment;
        let stored = StoredOutcome { token: self.assignment.attempt.token, outcome: outcome.clone() };
        let bytes = serde_json::to_vec(&stored).unwrap_or_default();
        let Ok(key) = attempt_outcome_key(task_id, trial_id, self.log_place().attempt) else { return };
        if let Err(error) = self.runner.store.put(&key, bytes.into()).await {
            warn!(error = &error as &dyn std::error::Error, "cannot store the outcome");
        }
    }

    fn log_place(&self) -> LogPlace {
        let Assignment { task_id, attempt: AttemptRef { subject: trial_id, number, .. }, .. } = self.assignment;
        LogPlace {
            task_id: task_id.clone(),
            trial_id: trial_id.clone(),
            attempt: u32::try_from(*number).unwrap_or_default(),
        }
    }
}

fn count(recorded: Recorded, class: Option<FailureClass>) {
    match recorded {
        Recorded::Ended => outcomes::trial_ended(class),
        Recorded::Retried { .. } => outcomes::trial_retried(class.unwrap_or(FailureClass::Unknown)),
        Recorded::Stale => {}
    }
}

fn now_text() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::System { doing, source }
}

fn stage_of(event: &str) -> Option<HarborStage> {
    match event {
        "start" => Some(HarborStage::TrialStarted),
        "environment-start" => Some(HarborStage::EnvironmentSetup),
        "agent-start" => Some(HarborStage::AgentRunning),
        "verification-start" => Some(HarborStage::Verification),
        _ => None,
    }
}

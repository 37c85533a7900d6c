//! Ends an attempt: stores its outcome, then the trial's files, then records the outcome in the database.
//!
//! The outcome is in the store before anything that takes long. A dispatcher that finds the attempt without its runner records it from there, and the
//! trial need not run again.

use std::time::Duration;

use oddish_artifacts::StoreError;
use oddish_artifacts::key::{attempt_outcome_key, attempt_prefix};
use oddish_db::attempts::{self, Assignment, Outcome, StoredOutcome};
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::{AttemptRef, DbError};
use oddish_domain::failure::FailureClass;
use oddish_telemetry::outcomes;
use time::OffsetDateTime;
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::contact::{StopReason, while_unreachable};
use crate::error_message;
use crate::preparation::with_causes;
use crate::running::{Ended, Ending, Left, RunError, Runner, Running, Stop};
use crate::stop_signal::StopSignal;
use crate::upload::{StoredTree, upload_tree};

/// How long the database may be away before an attempt is given up that has not begun, or has no result.
pub(crate) const BEGIN_WITHIN: Duration = Duration::from_mins(1);
/// How long the database may be away before an outcome is given up: it cost money, and a fail-over takes minutes.
const RECORD_WITHIN: Duration = Duration::from_mins(10);
/// How much longer a trial's files are stored once somebody asked for its end. Most are, by then.
const STORE_ON: Duration = Duration::from_secs(3);
/// How long each write of a runner may take that was told to stop.
const WRITE_ON: Duration = Duration::from_secs(5);

/// What came of storing a trial's files.
enum Files {
    /// There are none.
    None,
    /// All that are kept are stored, as this tells.
    Stored(StoredTree),
    /// It was stopped before that.
    Cut,
    /// The store failed, and they stay where they are.
    Failed(StoreError),
}

/// What was heard while a result was at hand.
#[derive(Clone, Copy, Default)]
struct Heard {
    /// The runner was told to stop.
    signal: bool,
    /// Somebody recorded the outcome from the store: the lease had run out.
    adopted: bool,
    /// The trial was given to another runner.
    superseded: bool,
}

impl Running<'_> {
    /// Writes into the database how the attempt ended, and wakes the dispatcher. The second value tells whether its
    /// files are to be kept.
    pub(crate) async fn close(&self, ended: Ended, stop: &mut StopSignal) -> Result<(Ending, bool), RunError> {
        let Runner { db, .. } = self.runner;
        let token = self.assignment.attempt.token;
        let now = OffsetDateTime::now_utc;
        let (fenced, ending, files_kept) = match ended {
            Ended::Outcome { outcome, left } => {
                let (fenced, files_kept) = self.conclude(*outcome, left, stop).await?;
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

    /// Stores and records an outcome and what the trial left. Tells whether the files stay where they are.
    async fn conclude(
        &self,
        mut outcome: Outcome,
        left: Option<Left>,
        stop: &mut StopSignal,
    ) -> Result<(Fenced, bool), RunError> {
        let mut heard = Heard::default();
        let mut files_kept = false;
        if let Some(left) = left {
            match self.store_files(&outcome, left, stop, &mut heard).await? {
                Files::None => {}
                Files::Stored(stored) => self.point_at(&mut outcome, stored),
                Files::Cut => self.point_at_incomplete(&mut outcome),
                Files::Failed(failure) => {
                    files_kept = true;
                    self.point_at_incomplete(&mut outcome);
                    let trial = self.scratch.trial();
                    let message = format!(
                        "The trial's files could not be stored and stay in {}: {}",
                        trial.display(),
                        with_causes(&failure)
                    );
                    outcome.error_type.get_or_insert_with(|| "FilesNotStored".to_owned());
                    outcome.error_message.get_or_insert(message);
                }
            }
        }
        if heard.superseded {
            return Ok((Fenced::Stale, false));
        }
        self.finish_message(&mut outcome, files_kept);
        if heard.adopted {
            return Ok((self.amend(&outcome).await?, files_kept));
        }
        let storing = self.store_outcome(&outcome);
        let is_stored = if heard.signal { timeout(WRITE_ON, storing).await.unwrap_or(false) } else { storing.await };
        let fenced = match self.record(&outcome, is_stored, heard, stop).await? {
            // Perhaps it was recorded from the store a moment ago.
            Recorded::Stale => self.amend(&outcome).await?,
            recorded => {
                count(recorded, outcome.failure(OffsetDateTime::now_utc()).map(|failure| failure.class));
                Fenced::Accepted
            }
        };
        Ok((fenced, files_kept))
    }

    /// Stores the outcome, then what the trial left and the rest of its live log. A lost contact with the database does not stop that; a
    /// cancellation and a signal do, but for a moment in which most trees are done.
    async fn store_files(
        &self,
        outcome: &Outcome,
        Left { log, redactor }: Left,
        stop: &mut StopSignal,
        heard: &mut Heard,
    ) -> Result<Files, RunError> {
        let trial = self.scratch.trial();
        let Some(prefix) = self.prefix().filter(|_| trial.is_dir()) else {
            let _in_time = timeout(STORE_ON, log.finish()).await;
            return Ok(Files::None);
        };
        let storing = async {
            let mut first = outcome.clone();
            self.point_at_incomplete(&mut first);
            self.finish_message(&mut first, false);
            self.store_outcome(&first).await;
            let bounds = self.runner.settings.tree_bounds;
            let upload = upload_tree(&self.runner.store, &prefix, &trial, &redactor, bounds);
            tokio::join!(upload, log.finish()).0
        };
        let mut storing = std::pin::pin!(storing);
        let stopped = loop {
            tokio::select! {
                biased;
                stored = &mut storing => return Ok(stored.map_or_else(Files::failed, Files::Stored)),
                () = stop.received() => {
                    heard.signal = true;
                    break "the runner was told to stop";
                }
                reason = self.contact.stop_reason_with_result(), if !heard.adopted => match reason {
                    StopReason::Stale if self.was_recorded().await? => heard.adopted = true,
                    StopReason::Stale => {
                        heard.superseded = true;
                        return Ok(Files::Cut);
                    }
                    _ => break "the trial was cancelled",
                },
            }
        };
        let Ok(stored) = timeout(STORE_ON, storing).await else {
            warn!(because = stopped, "not all of the trial's files are stored");
            return Ok(Files::Cut);
        };
        Ok(stored.map_or_else(Files::failed, Files::Stored))
    }

    /// Records the outcome. Told to stop, it does not wait for the database for long where the outcome is in the store.
    async fn record(
        &self,
        outcome: &Outcome,
        is_stored: bool,
        heard: Heard,
        stop: &mut StopSignal,
    ) -> Result<Recorded, RunError> {
        let Runner { db, retries, .. } = self.runner;
        let token = self.assignment.attempt.token;
        let record = || attempts::record(db, token, outcome, retries, OffsetDateTime::now_utc());
        let mut recording = std::pin::pin!(while_unreachable(RECORD_WITHIN, record));
        if !heard.signal {
            tokio::select! {
                biased;
                recorded = &mut recording => return Ok(recorded?),
                () = stop.received() => {}
            }
        }
        match timeout(WRITE_ON, &mut recording).await {
            Ok(recorded) => Ok(recorded?),
            Err(_) if is_stored => Err(RunError::LeftInStore),
            Err(_) => Ok(recording.await?),
        }
    }

    /// Tells the trial that its files are whole, where the outcome was recorded from the store before they were.
    async fn amend(&self, outcome: &Outcome) -> Result<Fenced, DbError> {
        if outcome.files_incomplete {
            return Ok(Fenced::Stale);
        }
        let Runner { db, .. } = self.runner;
        let token = self.assignment.attempt.token;
        let stored = || attempts::files_stored(db, token, outcome, OffsetDateTime::now_utc());
        while_unreachable(BEGIN_WITHIN, stored).await
    }

    async fn was_recorded(&self) -> Result<bool, DbError> {
        let Runner { db, .. } = self.runner;
        while_unreachable(BEGIN_WITHIN, || attempts::was_recorded(db, self.assignment.attempt.token)).await
    }

    /// Stores the outcome, and tells whether it is. A store that fails is no reason not to record.
    async fn store_outcome(&self, outcome: &Outcome) -> bool {
        let Assignment { task_id, attempt: AttemptRef { subject: trial_id, token, .. }, .. } = self.assignment;
        let stored = StoredOutcome { token: *token, outcome: outcome.clone() };
        let bytes = serde_json::to_vec(&stored).unwrap_or_default();
        let Ok(key) = attempt_outcome_key(task_id, trial_id, self.log_place().attempt) else { return false };
        match self.runner.store.put(&key, bytes.into()).await {
            Ok(()) => true,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "cannot store the outcome");
                false
            }
        }
    }

    /// Where the attempt's files are stored. No other attempt writes there.
    fn prefix(&self) -> Option<String> {
        let Assignment { task_id, attempt: AttemptRef { subject: trial_id, .. }, .. } = self.assignment;
        let prefix = attempt_prefix(task_id, trial_id, self.log_place().attempt);
        prefix.inspect_err(|error| error!(%error, "the trial's files have no place in the store")).ok()
    }

    fn point_at(&self, outcome: &mut Outcome, stored: StoredTree) {
        outcome.artifact_prefix = self.prefix().filter(|_| !stored.is_empty());
        outcome.omitted_files = stored.omitted;
        outcome.files_incomplete = false;
    }

    fn point_at_incomplete(&self, outcome: &mut Outcome) {
        outcome.artifact_prefix = self.prefix();
        outcome.files_incomplete = true;
    }

    fn finish_message(&self, outcome: &mut Outcome, files_kept: bool) {
        let gone = (!files_kept).then_some((self.scratch, self.assignment.task_name.as_str()));
        error_message::finish(outcome, gone);
    }
}

impl Files {
    fn failed(error: StoreError) -> Self {
        error!(error = &error as &dyn std::error::Error, "cannot store the trial's files");
        Self::Failed(error)
    }
}

fn count(recorded: Recorded, class: Option<FailureClass>) {
    match recorded {
        Recorded::Ended => outcomes::trial_ended(class),
        Recorded::Retried { .. } => outcomes::trial_retried(class.unwrap_or(FailureClass::Unknown)),
        Recorded::Stale => {}
    }
}

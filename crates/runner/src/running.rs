//! An attempt that has begun: what it works with, and the ways in which it may end.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use oddish_artifacts::SharedStore;
use oddish_db::attempts::{Assignment, Outcome};
use oddish_db::{AttemptRef, Db, DbError};
use oddish_domain::retry::RetrySettings;
use oddish_wake::Wake;

use crate::attempt::Scratch;
use crate::contact::{Contact, StopReason};
use crate::live_log::{LiveLog, LogPlace};
use crate::preparation::PreparationError;
use crate::redaction::Redactor;
use crate::settings::RunnerSettings;

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
    /// `oddish-runner` itself, which confines Harbor.
    pub program: PathBuf,
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
    /// The runner was told to stop while the database was away.
    #[error(
        "the runner was told to stop before the database could be reached; the trial's outcome is in the artifact store, and is \
         recorded from there"
    )]
    LeftInStore,
    /// The operating system failed us.
    #[error("cannot {doing}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// An attempt that has begun.
pub(crate) struct Running<'a> {
    pub(crate) runner: &'a Runner,
    pub(crate) assignment: &'a Assignment,
    pub(crate) scratch: &'a Scratch,
    pub(crate) contact: &'a Contact,
}

/// How the trial ended.
pub(crate) enum Ended {
    /// With an outcome, and perhaps with files that are still to be stored.
    Outcome { outcome: Box<Outcome>, left: Option<Left> },
    /// It was stopped before it was done.
    Stopped(Stop),
}

/// What storing a trial's files takes.
pub(crate) struct Left {
    pub(crate) log: LiveLog,
    pub(crate) redactor: Redactor,
}

/// Who stopped a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// We were told to.
    Signal,
    /// The database has a reason, or could not be reached.
    Contact(StopReason),
}

impl Stop {
    /// For the trial's log.
    pub(crate) const fn text(self) -> &'static str {
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
    pub(crate) fn without_files(outcome: Outcome) -> Self {
        Self::Outcome { outcome: Box::new(outcome), left: None }
    }
}

impl Running<'_> {
    pub(crate) fn log_place(&self) -> LogPlace {
        let Assignment { task_id, attempt: AttemptRef { subject: trial_id, number, .. }, .. } = self.assignment;
        LogPlace {
            task_id: task_id.clone(),
            trial_id: trial_id.clone(),
            attempt: u32::try_from(*number).unwrap_or_default(),
        }
    }
}

pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::System { doing, source }
}

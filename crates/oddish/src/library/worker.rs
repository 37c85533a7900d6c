//! Running trials in the background of a program.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use oddish_db::Db;
use oddish_dispatcher::{Closer, Dispatcher, LauncherSettings, ProcessLauncher, Running};
use oddish_domain::retry::RetrySettings;
use oddish_domain::settings::Reader;
use tokio::task::JoinError;

use crate::capabilities::Artifacts;

pub use oddish_dispatcher::RunnerMissing;

/// How trials are run.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// How failures are tried again.
    pub retries: RetrySettings,
    /// How runners are started.
    pub launcher: LauncherSettings,
    /// The variables that runners see: these, and no others.
    pub environment: BTreeMap<OsString, OsString>,
}

impl WorkerSettings {
    /// Reads the settings of retries and runners. Runners see the variables of `environment`.
    pub fn read(reader: &mut Reader<'_>, environment: BTreeMap<String, String>) -> Self {
        Self {
            retries: RetrySettings::read(reader),
            launcher: LauncherSettings::read(reader),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        }
    }
}

/// A worker: claims trials as their turn comes, and runs each in a process of its own.
///
/// Dropping it stops nothing: what it runs goes on until the process ends. [`Worker::stop`] ends it in order.
pub struct Worker {
    running: Running,
}

impl Worker {
    /// Begins to claim trials.
    pub fn start(db: Db, Artifacts(store): Artifacts, settings: WorkerSettings) -> Result<Self, RunnerMissing> {
        let command = settings.launcher.command(settings.environment)?;
        let closer = Closer { db, store, rules: settings.retries };
        let launcher = Arc::new(ProcessLauncher::new(closer.clone(), command));
        Ok(Self { running: Dispatcher::new(closer, launcher).start() })
    }

    /// Claims nothing more, and waits until the runners have given their trials back.
    pub async fn stop(self) -> Result<(), WorkerBroke> {
        Ok(self.running.stop().await?)
    }
}

/// A worker ended before it was stopped: a fault of Oddish.
#[derive(Debug, thiserror::Error)]
#[error("the dispatcher broke")]
pub struct WorkerBroke(#[from] JoinError);

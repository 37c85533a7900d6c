//! Running trials beside whatever else this process does.

use std::sync::Arc;

use oddish_artifacts::SharedStore;
use oddish_db::Db;
use oddish_dispatcher::{Closer, Dispatcher, ProcessLauncher, Running};

use crate::{Error, Settings};

/// A worker: claims trials as their turn comes, and runs each in a process of its own.
///
/// Dropping it stops nothing: what it runs goes on until the process ends. [`Worker::stop`] ends it in order.
pub struct Worker {
    running: Running,
}

impl Worker {
    pub(crate) fn start(settings: &Settings, db: Db, store: SharedStore) -> Result<Self, Error> {
        let command = settings.launcher.command(settings.runner_environment())?;
        let closer = Closer { db, store, rules: settings.retries.clone() };
        let launcher = Arc::new(ProcessLauncher::new(closer.clone(), command));
        Ok(Self { running: Dispatcher::new(closer, launcher).start() })
    }

    /// Claims nothing more, and waits until the runners have given their trials back.
    pub async fn stop(self) -> Result<(), Error> {
        Ok(self.running.stop().await?)
    }
}

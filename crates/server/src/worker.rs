//! Running trials: the dispatcher with its runners as child processes.

use std::sync::Arc;

use anyhow::Context as _;
use oddish_db::{DatabaseUrl, PgPool};
use oddish_dispatcher::{Dispatcher, ProcessLauncher};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database;
use crate::settings::ServerSettings;

/// `oddish-server worker`.
pub(crate) async fn run() -> anyhow::Result<()> {
    let settings = ServerSettings::load()?;
    let url = database::locate(&settings).await?;
    let pool = database::open(&settings, &url).await?;
    let worker = Worker::start(&settings, &url, pool)?;
    tracing::info!(database = url.place(), "waiting for trials");
    stop_requested().await?;
    tracing::info!("stopping");
    worker.stop().await
}

/// A dispatcher that runs beside whatever else this process does.
pub(crate) struct Worker {
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    pub(crate) fn start(settings: &ServerSettings, url: &DatabaseUrl, pool: PgPool) -> anyhow::Result<Self> {
        let command = settings.launcher.command(settings.runner_environment(url.text()))?;
        let launcher = Arc::new(ProcessLauncher::new(pool.clone(), command));
        let dispatcher = Dispatcher::new(pool, launcher);
        let (shutdown, stopped) = watch::channel(false);
        let task = tokio::spawn(async move { dispatcher.run(stopped).await });
        Ok(Self { shutdown, task })
    }

    /// Stops claiming and waits until the runners have given their trials back.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.send_replace(true);
        self.task.await.context("the dispatcher broke")
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn stop_requested() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

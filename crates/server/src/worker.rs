//! Running trials: the dispatcher with its runners as child processes.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use oddish_db::{DatabaseUrl, PgPool};
use oddish_dispatcher::{Dispatcher, ProcessLauncher, RunnerCommand};
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
        let command = RunnerCommand {
            program: runner_program(settings)?,
            environment: settings.runner_environment(url.text()),
            max_runners: settings.max_runners,
        };
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

fn runner_program(settings: &ServerSettings) -> anyhow::Result<PathBuf> {
    if let Some(program) = &settings.runner {
        if program.is_file() {
            return Ok(program.clone());
        }
        bail!("ODDISH_RUNNER names {}, which is not a file", program.display());
    }
    let name = "oddish-runner";
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    let on_path =
        settings.environment.get("PATH").map(|path| std::env::split_paths(path).map(|folder| folder.join(name)));
    beside.into_iter().chain(on_path.into_iter().flatten()).find(|candidate| candidate.is_file()).context(
        "found no oddish-runner beside oddish-server or on PATH: build it with `cargo build -p oddish-runner`, or name it in \
         ODDISH_RUNNER",
    )
}

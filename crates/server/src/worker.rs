//! Running trials: the dispatcher with its runners as child processes.

use std::sync::Arc;

use anyhow::Context as _;
use oddish_artifacts::SharedStore;
use oddish_db::{DatabaseUrl, Db};
use oddish_dispatcher::{Closer, Dispatcher, ProcessLauncher, Running};
use oddish_domain::sealing::SecretKey;
use oddish_runner::confinement::Way;

use crate::settings::ServerSettings;
use crate::{database, descriptors, folders, secret_key};

/// `oddish-server worker`.
pub(crate) async fn run() -> anyhow::Result<()> {
    let settings = ServerSettings::load()?;
    // Each runner is held by a descriptor.
    descriptors::raise();
    folders::check_home(&settings.home)?;
    folders::check_jobs_dir(&settings)?;
    let secret = secret_key::locate(settings.storage.secret_key.as_ref(), &settings.home)?;
    let store = settings.storage.open(None).await?;
    let url = database::locate(&settings).await?;
    let db = database::open(&settings, &url).await?;
    secret_key::agree(&db, &url.place(), secret.as_ref()).await?;
    let worker = Worker::start(&settings, &url, db, store, secret.as_ref().map(|located| &located.secret))?;
    tracing::info!(database = url.place(), "waiting for trials");
    stop_requested().await?;
    tracing::info!("stopping");
    worker.stop().await
}

/// A dispatcher that runs beside whatever else this process does.
pub(crate) struct Worker {
    running: Running,
}

impl Worker {
    /// Begins to claim trials. Their runners get `secret`, to unseal what was sealed with it.
    pub(crate) fn start(
        settings: &ServerSettings,
        url: &DatabaseUrl,
        db: Db,
        store: SharedStore,
        secret: Option<&SecretKey>,
    ) -> anyhow::Result<Self> {
        // Better one line here than one in every trial.
        match settings.runner.confinement.mode.way()? {
            Way::Landlock => tracing::info!("Harbor is confined by Landlock"),
            Way::Uid => tracing::info!("Harbor is confined by a user id for each trial"),
            Way::Off => tracing::warn!(
                "Harbor is not confined (ODDISH_CONFINEMENT=off): whatever runs in a sandbox can reach this machine's files"
            ),
        }
        let command = settings.launcher.command(settings.runner_environment(url.text(), secret))?;
        let closer = Closer { db, store, rules: settings.retries.clone() };
        let launcher = Arc::new(ProcessLauncher::new(closer.clone(), command));
        Ok(Self { running: Dispatcher::new(closer, launcher).start() })
    }

    /// Stops claiming and waits until the runners have given their trials back.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.running.stop().await.context("the dispatcher broke")
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

//! Running trials: the dispatcher with its runners as child processes.

use oddish::Worker;
use oddish::capabilities::Artifacts;
use oddish_db::{DatabaseUrl, Db};
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
    let artifacts = Artifacts(settings.storage.open(None).await?);
    let url = database::locate(&settings).await?;
    let db = database::open(&settings, &url).await?;
    secret_key::agree(&db, &url.place(), secret.as_ref()).await?;
    let worker = start(&settings, &url, db, artifacts, secret.as_ref().map(|located| &located.secret))?;
    tracing::info!(database = url.place(), "waiting for trials");
    stop_requested().await?;
    tracing::info!("stopping");
    Ok(worker.stop().await?)
}

/// Begins to claim trials. Their runners get `secret`, to unseal what was sealed with it.
pub(crate) fn start(
    settings: &ServerSettings,
    url: &DatabaseUrl,
    db: Db,
    artifacts: Artifacts,
    secret: Option<&SecretKey>,
) -> anyhow::Result<Worker> {
    // Better one line here than one in every trial.
    match settings.runner.confinement.mode.way()? {
        Way::Landlock => tracing::info!("Harbor is confined by Landlock"),
        Way::Uid => tracing::info!("Harbor is confined by a user id for each trial"),
        Way::Off => tracing::warn!(
            "Harbor is not confined (ODDISH_CONFINEMENT=off): whatever runs in a sandbox can reach this machine's files"
        ),
    }
    Ok(Worker::start(db, artifacts, settings.of_worker(url.text(), secret))?)
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

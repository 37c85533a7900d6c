//! `oddish-server api`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use oddish_artifacts::FolderStore;
use oddish_db::queue_keys;
use oddish_functions::auth::AuthMode;
use oddish_functions::routes;
use oddish_functions::state::{Artifacts, Db, Everything, Limits, Wake};
use time::OffsetDateTime;

use crate::args::ApiArguments;
use crate::settings::ServerSettings;
use crate::worker::{Worker, stop_requested};
use crate::{database, listen};

pub(crate) async fn run(arguments: ApiArguments) -> anyhow::Result<()> {
    let settings = ServerSettings::load()?;
    let limits = match &arguments.n_concurrent {
        Some(json) => settings.limits.clone().with_n_concurrent(json).context("--n-concurrent")?,
        None => settings.limits.clone(),
    };
    let address = SocketAddr::new(arguments.host.unwrap_or(settings.host), arguments.port.unwrap_or(settings.port));
    // The port first: whoever starts a second server by mistake learns it before anything was touched.
    let listener = listen::listen(address).await?;
    warn_if_open(address.ip(), settings.auth);

    let store = FolderStore::open(&settings.storage.local_storage_dir)?;
    let url = database::locate(&settings).await?;
    let pool = database::open(&settings, &url).await?;
    queue_keys::apply_limits(&pool, &limits, OffsetDateTime::now_utc()).await?;

    let worker = if settings.start_workers && !arguments.no_workers {
        Some(Worker::start(&settings, &url, pool.clone())?)
    } else {
        None
    };
    let app = routes::router(Everything {
        auth: settings.auth,
        db: Db(pool.clone()),
        artifacts: Artifacts(Arc::new(store)),
        rules: settings.uploads,
        limits: Limits(Arc::new(limits)),
        wake: Wake::through(pool),
    });
    let address = listener.local_addr()?;
    tracing::info!(database = url.place(), workers = worker.is_some(), "listening on http://{address}");
    anstream::eprintln!(
        "Oddish listens on http://{address} (API documentation: http://{address}/docs). Ctrl-C stops it."
    );
    axum::serve(listener, app).with_graceful_shutdown(stop()).await.context("the server broke")?;
    if let Some(worker) = worker {
        worker.stop().await?;
    }
    tracing::info!("stopped");
    Ok(())
}

async fn stop() {
    if let Err(error) = stop_requested().await {
        tracing::error!(%error, "signals cannot be heard");
    }
    tracing::info!("stopping");
}

fn warn_if_open(host: IpAddr, auth: AuthMode) {
    match auth {
        AuthMode::None if !host.is_loopback() => tracing::warn!(
            %host,
            "other machines can reach this server, and it asks nobody for a key: everyone on the network may run code here"
        ),
        AuthMode::None => {}
    }
}

//! `oddish-server api`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use oddish::api_keys;
use oddish::capabilities::{Artifacts, Expansion, Wake};
use oddish_artifacts::signing::SigningKey;
use oddish_db::queue_keys::{self, ChangedLimit};
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::sealing::SealingKey;
use oddish_functions::http::auth::{Auth, AuthMode};
use oddish_functions::http::router;
use oddish_functions::state::Everything;
use time::OffsetDateTime;

use crate::args::ApiArguments;
use crate::browsers::Browsers;
use crate::settings::ServerSettings;
use crate::worker::{self, stop_requested};
use crate::{artifact_route, connections, console, database, descriptors, folders, listen, secret_key};

pub(crate) async fn run(arguments: ApiArguments) -> anyhow::Result<()> {
    let mut settings = ServerSettings::load()?;
    if let Some(json) = &arguments.n_concurrent {
        let limits = ConcurrencyLimits::clone(&settings.limits.concurrency);
        settings.limits.concurrency = Arc::new(limits.with_n_concurrent(json).context("--n-concurrent")?);
    }
    let address = SocketAddr::new(arguments.host.unwrap_or(settings.host), arguments.port.unwrap_or(settings.port));
    let open_files = descriptors::raise();
    let most_connections = descriptors::connections(open_files, &settings)?;
    // The port first: a second server, started by mistake, fails before it touches anything.
    let listener = listen::listen(address).await?;
    warn_if_open(address.ip(), settings.auth);

    let address = listener.local_addr()?;
    folders::check_home(&settings.home)?;
    let located = secret_key::locate(settings.storage.secret_key.as_ref(), &settings.home)?;
    let secret = located.as_ref().map(|located| &located.secret);
    let signing_key = match secret {
        Some(secret) => SigningKey::from_secret(secret.expose().as_bytes()),
        None => SigningKey::generate(),
    };
    let base_url = settings.storage.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
    let runs_trials = settings.start_workers && !arguments.no_workers;
    if runs_trials {
        folders::check_jobs_dir(&settings)?;
    }
    let artifacts = Artifacts(settings.storage.open(Some((signing_key.clone(), base_url))).await?);
    let url = database::locate(&settings).await?;
    let db = database::open(&settings, &url).await?;
    secret_key::agree(&db, &url.place(), located.as_ref()).await?;
    for ChangedLimit { queue_key, before, now } in
        queue_keys::apply_limits(&db, &settings.limits.concurrency, OffsetDateTime::now_utc()).await?
    {
        tracing::warn!(
            queue_key,
            "the limit of trials at once is {now} from now on, for all servers on this database; before this start it was {before}"
        );
    }
    if settings.auth == AuthMode::ApiKey && api_keys::list(&db, OffsetDateTime::now_utc()).await?.is_empty() {
        tracing::warn!("nobody can use the API: there is no key yet. `oddish-server keys create` makes one");
    }

    let worker =
        if runs_trials { Some(worker::start(&settings, &url, db.clone(), artifacts.clone(), secret)?) } else { None };
    let objects = artifact_route::Artifacts {
        store: Arc::clone(&artifacts.0),
        key: signing_key,
        max_bytes: settings.uploads.max_bytes,
    };
    let everything = Everything {
        auth: Auth::new(settings.auth, &db),
        db: db.clone(),
        artifacts,
        rules: settings.uploads,
        judges: settings.judges,
        limits: settings.limits,
        expansion: Expansion { sealing: secret.map(SealingKey::of), ..settings.expansion },
        wake: Wake::through(db),
    };
    let (allowed, public_url) = (settings.allowed_hosts.as_ref(), settings.storage.public_url.as_deref());
    let browsers = Browsers::new(settings.auth, settings.origins.clone(), allowed, public_url, address.ip());
    let app = router::guarded_router(&everything, artifact_route::router(objects), |app| browsers.around(app));
    tracing::info!(
        database = url.place(),
        workers = worker.is_some(),
        connections = most_connections,
        "listening on http://{address}"
    );
    console::say(&format!(
        "Oddish listens on http://{address} (API documentation: http://{address}/docs). Ctrl-C stops it."
    ));
    connections::serve(listener, app, settings.connections, most_connections, stop()).await;
    if let Some(worker) = worker {
        worker.stop().await?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// How clients on this machine reach an address that may stand for all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
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
        AuthMode::None | AuthMode::ApiKey => {}
    }
}

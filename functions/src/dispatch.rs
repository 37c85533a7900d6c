//! The dispatcher as a function: invoked by a schedule, or because there is work, whatever its event says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lambda_http::lambda_runtime::{self, Context, LambdaEvent, service_fn};
use oddish_dispatcher::{Closer, Dispatcher, Launcher as _, LauncherSettings, ProcessLauncher};
use oddish_domain::retry::RetrySettings;
use oddish_domain::settings::Settings;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::state::{self, Artifacts};

/// Left for the end of a pass when the time of an invocation runs out.
const RESERVE: Duration = Duration::from_secs(5);

/// What an invocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatched {
    /// Jobs that were claimed and handed to the launcher.
    pub claimed: usize,
}

/// Runs the function until its runtime ends it, or a signal asks it to: its runners are child processes, which then give their trials back.
pub async fn run(settings: Settings) -> Result<(), lambda_runtime::Error> {
    let pool = state::lazy_pool(&settings)?;
    let mut reader = settings.reader();
    let launcher = LauncherSettings::read(&mut reader);
    let rules = RetrySettings::read(&mut reader);
    reader.finish()?;
    let (Artifacts(store), _) = state::storage(&settings).await?;
    let closer = Closer { pool, store, rules };
    let launcher = Arc::new(ProcessLauncher::new(closer.clone(), launcher.command(runner_environment())?));
    let dispatcher = Dispatcher::new(closer, Arc::clone(&launcher) as _);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let outcome = tokio::select! {
        ended = lambda_runtime::run(service_fn(|event: LambdaEvent<IgnoredAny>| dispatch(&dispatcher, event.context))) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    launcher.stop().await;
    outcome
}

async fn dispatch(dispatcher: &Dispatcher, context: Context) -> Result<Dispatched, lambda_runtime::Error> {
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline);
    let left = end.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE);
    let done = dispatcher.dispatch(Instant::now() + left).await?;
    Ok(Dispatched { claimed: done.claimed })
}

/// This function's own variables, without those that are about itself.
fn runner_environment() -> BTreeMap<OsString, OsString> {
    std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("AWS_LAMBDA_")).collect()
}

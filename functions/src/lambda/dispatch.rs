//! The dispatcher as a function: invoked by a schedule, or because there is work, whatever its event says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lambda_http::lambda_runtime::{self, Context, LambdaEvent, service_fn};
use oddish_db::Db;
use oddish_dispatcher::{
    Closer, Dispatcher, EcsLauncher, EcsSettings, Launcher, LauncherKind, LauncherSettings, ProcessLauncher,
};
use oddish_domain::retry::RetrySettings;
use oddish_domain::settings::Settings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::state::{self, Artifacts, StateError};

/// Left for the end of a pass when the time of an invocation runs out.
const RESERVE: Duration = Duration::from_secs(5);

/// What an invocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatched {
    /// Jobs that were claimed and handed to the launcher.
    pub claimed: usize,
}

/// What of an event of SQS is of use here: wakes say nothing.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default, rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "messageId")]
    message_id: String,
}

/// Runs the function until its runtime ends it, or a signal asks it to: where its runners are child processes, these then give their trials
/// back.
pub async fn run(settings: Settings) -> Result<(), lambda_runtime::Error> {
    let db = state::lazy_db(&settings)?;
    let closer = closer(&settings, db).await?;
    let launcher = Box::pin(launcher(&settings, closer.clone())).await?;
    let dispatcher = Dispatcher::new(closer, Arc::clone(&launcher));
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let outcome = tokio::select! {
        ended = lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| Box::pin(answer(&dispatcher, event)))) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    launcher.stop().await;
    outcome
}

/// What closes the attempts of lost runners.
pub(crate) async fn closer(settings: &Settings, db: Db) -> Result<Closer, StateError> {
    let rules = settings.read(RetrySettings::read)?;
    let Artifacts(store) = state::artifacts(settings).await?;
    Ok(Closer { db, store, rules })
}

async fn launcher(settings: &Settings, closer: Closer) -> Result<Arc<dyn Launcher>, lambda_runtime::Error> {
    let mut reader = settings.reader();
    let kind = LauncherKind::read(&mut reader);
    Ok(match kind {
        LauncherKind::Ecs => {
            let ecs = EcsSettings::read(&mut reader);
            reader.finish()?;
            Arc::new(EcsLauncher::connect(closer, ecs).await)
        }
        LauncherKind::Process => {
            let processes = LauncherSettings::read(&mut reader);
            reader.finish()?;
            Arc::new(ProcessLauncher::new(closer, processes.command(runner_environment())?))
        }
    })
}

/// Dispatches. Messages of a queue are taken from it where that went well, and all left in it where it did not: each says the same.
async fn answer(dispatcher: &Dispatcher, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let messages = serde_json::from_value(event.payload).map_or_else(|_| Vec::new(), |event: Event| event.records);
    match dispatch(dispatcher, event.context).await {
        Ok(done) if messages.is_empty() => Ok(serde_json::to_value(done)?),
        Ok(_) => Ok(json!({"batchItemFailures": []})),
        Err(error) if messages.is_empty() => Err(error),
        Err(error) => {
            tracing::error!(error, messages = messages.len(), "the dispatcher failed; its wakes stay in the queue");
            let failures: Vec<Value> =
                messages.iter().map(|message| json!({"itemIdentifier": message.message_id})).collect();
            Ok(json!({"batchItemFailures": failures}))
        }
    }
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

//! The function that hears of tasks that stopped: invoked by `EventBridge` with "ECS Task State Change".

use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use oddish_dispatcher::{Closer, EcsSettings, TaskStateChange};
use oddish_domain::settings::Settings;
use serde::{Deserialize, Serialize};

use crate::lambda::dispatch;
use crate::state::{self, Wake};

/// The event; what is not in it is none of ours.
#[derive(Debug, Deserialize)]
struct Event {
    detail: TaskStateChange,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Whether an attempt was closed by it, whose runner had not done so itself.
    pub closed: bool,
}

/// Runs the function until its runtime ends it.
pub async fn run(settings: Settings) -> Result<(), lambda_runtime::Error> {
    let owner = settings.read(EcsSettings::read_owner)?;
    let db = state::lazy_db(&settings)?;
    // Boxed, or the type of this future would be nested more deeply than the compiler goes.
    let wake = Box::pin(state::wake(&settings, &db)).await?;
    let closer = Box::pin(dispatch::closer(&settings, db)).await?;
    let answer = |event: LambdaEvent<Event>| Box::pin(reconcile(&closer, &wake, &owner, event.payload.detail));
    lambda_runtime::run(service_fn(answer)).await
}

/// Closes the attempt whose task has ended. An error has the event delivered again.
async fn reconcile(
    closer: &Closer,
    wake: &Wake,
    owner: &str,
    change: TaskStateChange,
) -> Result<Reconciled, lambda_runtime::Error> {
    if !change.is_end_of(owner) {
        return Ok(Reconciled { closed: false });
    }
    let is_closed = change.note(closer).await?;
    if is_closed {
        wake.dispatcher().await;
    }
    Ok(Reconciled { closed: is_closed })
}

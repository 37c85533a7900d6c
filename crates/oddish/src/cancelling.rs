//! Cancelling trials: those that wait end at once, those that run stop within seconds.

use oddish_api_types::{CancelResponse, CancelledTrials};
use oddish_db::Db;
use oddish_db::cancelling::{self, Cancelled};
use time::OffsetDateTime;

use crate::Error;
use crate::capabilities::Wake;

/// Status in the answers to cancelling (docs/compatibility.md, 1.8).
pub(crate) const CANCELLED: &str = "cancelled";

/// Cancels these trials. The tasks of `whole_tasks` are meant as a whole.
pub(crate) async fn cancel(
    db: &Db,
    wake: &Wake,
    trials: &[String],
    whole_tasks: &[String],
    now: OffsetDateTime,
) -> Result<Cancelled, Error> {
    let cancelled = cancelling::cancel(db, trials, whole_tasks, now).await?;
    wake.dispatcher().await;
    Ok(cancelled)
}

/// The answer to cancelling.
pub(crate) fn present(cancelled: Cancelled) -> CancelResponse {
    CancelResponse { status: CANCELLED.to_owned(), trials: present_trials(cancelled) }
}

/// What became of the trials.
pub(crate) fn present_trials(cancelled: Cancelled) -> CancelledTrials {
    CancelledTrials {
        cancelled: cancelled.ended,
        stopping: cancelled.stopping,
        already_stopping: cancelled.stopping_already,
        already_ended: cancelled.over,
    }
}

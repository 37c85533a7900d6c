//! One request for each of many things, several at a time, to a truthful end: what was done, what failed and why, what was not tried.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::client::ClientError;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::patience::Patience;
use crate::plain_text;
use crate::printer::Printer;

/// Requests that are under way at once.
const PARALLEL: usize = 8;
/// Failures that are shown one by one.
const MOST_SHOWN: usize = 20;

/// What came of many requests.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    /// Answers, in the order of the things.
    pub(crate) done: Vec<T>,
    /// Things that the server refused, with its reasons.
    pub(crate) failed: BTreeMap<String, String>,
    /// Things that were not tried, since the server could not be asked any more or Ctrl-C was pressed.
    pub(crate) not_tried: Vec<String>,
    /// Things whose answers were not waited for.
    unknown: usize,
    /// Whether Ctrl-C was pressed.
    interrupted: bool,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { done: Vec::new(), failed: BTreeMap::new(), not_tried: Vec::new(), unknown: 0, interrupted: false }
    }
}

/// Sends a request for each id, and repeats it while it may succeed by that: it must be safe to send twice.
pub(crate) async fn each<T>(
    ids: Vec<String>,
    doing: &str,
    printer: &Printer,
    send: impl AsyncFn(&str) -> Result<T, ClientError>,
) -> Result<Batch<T>, Failure> {
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
        .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
    let bar = progress_bar(ids.len(), doing, printer);
    let mut batch = Batch { unknown: ids.len(), ..Batch::default() };
    let (send, stopped) = (&send, &Cell::new(false));
    let mut answers = stream::iter(ids)
        .map(|id| async move {
            if stopped.get() {
                return (id, None);
            }
            let answer = patiently(async || send(&id).await).await;
            // Where the server could not be asked for a minute, others would wait for another one each.
            if answer.as_ref().is_err_and(ClientError::is_passing) {
                stopped.set(true);
            }
            (id, Some(answer))
        })
        .buffered(PARALLEL);
    loop {
        let next = tokio::select! {
            next = answers.next() => next,
            // What was sent is waited for, unless Ctrl-C is pressed once more.
            _ = interrupt.recv() => {
                if batch.interrupted {
                    break;
                }
                batch.interrupted = true;
                stopped.set(true);
                continue;
            }
        };
        let Some((id, answer)) = next else { break };
        bar.inc(1);
        batch.unknown -= 1;
        match answer {
            Some(Ok(answer)) => batch.done.push(answer),
            Some(Err(error)) => drop(batch.failed.insert(id, error.to_string())),
            None => batch.not_tried.push(id),
        }
    }
    bar.finish_and_clear();
    Ok(batch)
}

impl<T> Batch<T> {
    /// Says what failed and what was not tried.
    pub(crate) fn report(&self, printer: &Printer) {
        for (id, reason) in self.failed.iter().take(MOST_SHOWN) {
            printer.error(&format!("{}: {reason}", plain_text::line(id)));
        }
        if let Some(more) = self.failed.len().checked_sub(MOST_SHOWN + 1) {
            printer.error(&format!("and {} more failed", more + 1));
        }
        if !self.not_tried.is_empty() {
            printer.error(&format!("{} not tried", self.not_tried.len()));
        }
        if self.unknown > 0 {
            printer.error(&format!("{} asked for, without waiting for the answer", self.unknown));
        }
        if self.unknown > 0 || !self.not_tried.is_empty() {
            printer.hint("run the same command again: what is done already is left alone");
        }
    }

    /// What the command exits with.
    pub(crate) fn status(&self) -> ExitStatus {
        if self.interrupted {
            ExitStatus::Interrupted
        } else if self.failed.is_empty() && self.not_tried.is_empty() {
            ExitStatus::Success
        } else {
            ExitStatus::Failure
        }
    }
}

/// Repeats a request that may succeed a little later, for a minute.
pub(crate) async fn patiently<T>(send: impl AsyncFn() -> Result<T, ClientError>) -> Result<T, ClientError> {
    let mut patience = Patience::of_a_script(Instant::now());
    loop {
        match send().await {
            Err(error) if error.is_passing() => match patience.failed(Instant::now()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
            answer => return answer,
        }
    }
}

fn progress_bar(length: usize, doing: &str, printer: &Printer) -> ProgressBar {
    let hidden = printer.is_quiet() || length < 2;
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(u64::try_from(length).ok(), target).with_message(doing.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar
}

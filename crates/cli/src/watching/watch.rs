//! A watch from the command's point of view: it begins, and it ends in one of two ways.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ended::Ended;
use super::session::{End, Session};
use super::subject::{Place, Subject};
use super::subject_json::print_json;
use crate::client::Client;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;

/// How watching ended.
#[derive(Debug)]
pub(crate) enum Watched {
    /// All trials ended.
    Ended(Box<Ended>),
    /// The user left; the trials go on.
    Stopped,
}

/// Watches until all has ended, or the user leaves.
pub(crate) async fn watch(client: &Client, printer: &Printer, subject: &Subject) -> Result<Watched, Failure> {
    // From before the first request until after the last: a signal at any time stops the watch, and the terminal is given back.
    let mut signals = Signals::listen()?;
    // It asks again by itself, and tells that it does.
    let client = &client.without_repeats();
    let mut session = Session::new(client, printer, subject);
    let end = tokio::select! {
        end = session.run() => end,
        () = signals.next() => Ok(End::Left),
    };
    let model = session.into_model();
    match end? {
        End::AllEnded => Ok(Watched::Ended(Box::new(Ended::of(model)))),
        End::Left => {
            printer.hint(&format!("the trials go on; watch them again with `{}`", subject.resume_hint()));
            Ok(Watched::Stopped)
        }
    }
}

/// Watches, then shows what came of it.
pub(crate) async fn watch_and_show(
    client: &Client,
    printer: &Printer,
    subject: &Subject,
    json: bool,
) -> Result<ExitStatus, Failure> {
    let Watched::Ended(ended) = watch(client, printer, subject).await? else { return Ok(ExitStatus::Interrupted) };
    if json {
        let tasks = subject.fetch(client).await.map_err(|error| subject.failure(&error))?;
        print_json(subject, &tasks, printer)?;
    } else {
        printer.result(&ended.results(client, subject).await?)?;
        if let (true, Place::Experiment(id)) = (ended.are_many(), subject.place()) {
            printer.hint(&format!("`oddish results {}` shows intervals and coverage", plain_text::line(id)));
        }
    }
    Ok(ended.status())
}

/// The signals that end a watch: Ctrl-C, `kill`, and the end of the terminal.
struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")));
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

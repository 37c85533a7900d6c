//! Watches tasks until they end, through lost connections, until the user has seen enough.

mod live_view;
mod scope;

use std::collections::BTreeMap;
use std::time::Duration;

use oddish_api_types::TaskStatusResponse;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use self::live_view::LiveView;
use crate::client::{Client, ClientError};
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;

pub(crate) use self::scope::RunTrials;

/// How long a watcher goes without an answer.
const PATIENCE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What is watched.
#[derive(Debug)]
pub(crate) enum Subject {
    /// One task, by id, with all its trials.
    Task(String),
    /// The tasks of an experiment, by its id, with the trials that they have there.
    Experiment(String),
    /// What one run submitted: the id of its experiment, and its trials by the ids of their tasks.
    Run { experiment_id: String, tasks: BTreeMap<String, RunTrials> },
}

/// What a subject is called on the command line.
enum Place<'a> {
    Task(&'a str),
    Experiment(&'a str),
}

/// How watching ended.
#[derive(Debug)]
pub(crate) enum Watched {
    /// All tasks ended; here they are with their trials.
    Ended(Vec<TaskStatusResponse>),
    /// The user stopped it; the tasks go on.
    Stopped,
}

impl Subject {
    /// The tasks as they are now, with those of their trials that are meant.
    pub(crate) async fn fetch(&self, client: &Client) -> Result<Vec<TaskStatusResponse>, ClientError> {
        match self {
            Self::Task(id) => Ok(vec![client.task(id).await?]),
            Self::Experiment(id) => {
                let tasks = client.experiment_tasks(id).await?;
                Ok(tasks.into_iter().map(|task| scope::within_experiment(task, id)).collect())
            }
            Self::Run { experiment_id, tasks } => {
                let found = match tasks.keys().collect::<Vec<_>>()[..] {
                    [id] => vec![client.task(id).await?],
                    _ => client.experiment_tasks(experiment_id).await?,
                };
                let of_this_run = found.into_iter().filter_map(|task| {
                    let mine = tasks.get(&task.id)?;
                    Some(scope::within_run(task, experiment_id, mine))
                });
                Ok(of_this_run.collect())
            }
        }
    }

    /// Whether there is nothing more to watch. A run is about its trials, whatever comes after them.
    fn has_ended(&self, tasks: &[TaskStatusResponse]) -> bool {
        match self {
            Self::Task(_) | Self::Experiment(_) => tasks.iter().all(|task| task.status.is_terminal()),
            Self::Run { .. } => tasks.iter().all(scope::trials_ended),
        }
    }

    /// The task, where there is one only; else the experiment.
    fn place(&self) -> Place<'_> {
        match self {
            Self::Task(id) => Place::Task(id),
            Self::Experiment(id) => Place::Experiment(id),
            Self::Run { experiment_id, tasks } => match tasks.keys().collect::<Vec<_>>()[..] {
                [id] => Place::Task(id),
                _ => Place::Experiment(experiment_id),
            },
        }
    }

    /// The command that watches this again.
    pub(crate) fn resume_hint(&self) -> String {
        let place = match self.place() {
            Place::Task(id) => plain_text::line(id),
            Place::Experiment(id) => format!("--experiment {}", plain_text::line(id)),
        };
        format!("oddish status {place} --watch")
    }

    /// The failure that there is nothing to show.
    pub(crate) fn absent(&self) -> Failure {
        match self.place() {
            Place::Task(id) => Failure::new(format!("there is no task {}", plain_text::line(id)))
                .with_hint(format!("an experiment is shown by `oddish status --experiment {}`", plain_text::line(id))),
            Place::Experiment(id) => Failure::new(format!("no tasks found for experiment {}", plain_text::line(id)))
                .with_hint("`oddish status` lists the newest experiments with their ids"),
        }
    }

    /// A request's failure, as the end of the command.
    pub(crate) fn failure(&self, error: &ClientError) -> Failure {
        if error.is_not_found() { self.absent() } else { error.while_doing("cannot get the status") }
    }
}

/// Watches until every task has ended or Ctrl-C is pressed.
pub(crate) async fn watch(client: &Client, printer: &Printer, subject: &Subject) -> Result<Watched, Failure> {
    // From before the first request until after the last: a key pressed at any time stops the watch, not the process.
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
    let mut view = LiveView::new(printer);
    // It asks again by itself, and tells that it does.
    let client = &client.without_repeats();
    let ended = tokio::select! {
        ended = until_ended(client, subject, &mut view) => ended,
        _ = interrupt.recv() => Ok(Watched::Stopped),
    };
    view.clear();
    if let Ok(Watched::Stopped) = ended {
        printer.note("Stopped watching. The task continues.");
        printer.hint(&subject.resume_hint());
    }
    ended
}

async fn until_ended(client: &Client, subject: &Subject, view: &mut LiveView<'_>) -> Result<Watched, Failure> {
    let begun = Instant::now();
    let mut patience = Patience::new(begun);
    loop {
        let pause = match subject.fetch(client).await {
            Ok(tasks) if tasks.is_empty() => return Err(subject.absent()),
            Ok(tasks) => {
                patience.answered(Instant::now());
                view.show(&tasks);
                if subject.has_ended(&tasks) {
                    return Ok(Watched::Ended(tasks));
                }
                polling_pause(begun.elapsed())
            }
            Err(error) if error.is_passing() => {
                let Some(pause) = patience.failed(Instant::now()) else {
                    return Err(Failure::new(format!("gave up watching: {error}"))
                        .with_hint(format!("the task continues; watch it again with `{}`", subject.resume_hint())));
                };
                view.trouble(&error.to_string());
                pause
            }
            Err(error) => return Err(subject.failure(&error)),
        };
        tokio::time::sleep(pause).await;
    }
}

/// Every second at first, when things change quickly, then every other.
fn polling_pause(watched_for: Duration) -> Duration {
    Duration::from_secs(if watched_for < Duration::from_mins(1) { 1 } else { 2 })
}

/// How long to go on without an answer, and how long to wait before the next try.
#[derive(Debug)]
struct Patience {
    last_answer: Instant,
    pause: Duration,
}

impl Patience {
    fn new(now: Instant) -> Self {
        Self { last_answer: now, pause: Duration::from_secs(1) }
    }

    fn answered(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// How long to wait after one more failure; nothing when it is time to give up.
    fn failed(&mut self, now: Instant) -> Option<Duration> {
        let left = PATIENCE.checked_sub(now - self.last_answer).filter(|left| !left.is_zero())?;
        let pause = self.pause.min(left);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Patience;

    #[test]
    fn patience_backs_off_and_ends_a_minute_after_the_last_answer() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        let mut waited = Vec::new();
        let mut now = start;
        while let Some(pause) = patience.failed(now) {
            waited.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(waited, [1, 2, 4, 8, 8, 8, 8, 8, 8, 5]);
        assert_eq!(now - start, Duration::from_mins(1));

        patience.answered(now);
        assert_eq!(patience.failed(now), Some(Duration::from_secs(1)));
    }
}

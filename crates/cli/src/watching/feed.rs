//! Where a watch gets its trials from: one page for each question.

use super::model::{Page, Total};
use super::subject::{Place, Subject};
use crate::client::{ChangedTrials, Client, ClientError, FROM_THE_START, WatchedTask};

/// What is asked for, again and again.
#[derive(Debug)]
pub(super) struct Feed {
    client: Client,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// A task has few trials as a rule, which may be of several experiments: all of them each time.
    Task(String),
    /// An experiment may have many: what changed after the cursor.
    Experiment { id: String, cursor: String },
}

/// A page, and how much there is to do once all trials have ended.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) page: Page,
    /// Whether the task is analysed or judged still; nothing where the page does not say.
    pub(super) is_at_work: Option<bool>,
}

impl Feed {
    pub(super) fn new(client: &Client, subject: &Subject) -> Self {
        let source = match subject.place() {
            Place::Task(id) => Source::Task(id.to_owned()),
            Place::Experiment(id) => Source::Experiment { id: id.to_owned(), cursor: FROM_THE_START.to_owned() },
        };
        Self { client: client.clone(), source }
    }

    /// Reads everything again with the next question. Says whether that makes a difference.
    pub(super) fn begin_anew(&mut self) -> bool {
        match &mut self.source {
            Source::Experiment { cursor, .. } if cursor != FROM_THE_START => {
                FROM_THE_START.clone_into(cursor);
                true
            }
            Source::Experiment { .. } | Source::Task(_) => false,
        }
    }

    /// Asks once, and has trials counted where that is another question.
    pub(super) async fn ask(&mut self, count: bool) -> Result<Told, ClientError> {
        match &mut self.source {
            Source::Task(id) => self.client.watched_task(id).await.map(of_task),
            Source::Experiment { id, cursor } => {
                let from_the_start = cursor == FROM_THE_START;
                let ChangedTrials { items, changes, total } = self.client.changed_trials(id, cursor, count).await?;
                let changes = changes.ok_or_else(|| ClientError::Foreign {
                    server: self.client.server().to_owned(),
                    reason: "its list of trials has no changes, so it is older than this `oddish`".to_owned(),
                })?;
                *cursor = changes.next;
                let total = total.map_or(Total::NotAsked, Total::Counted);
                let page = Page { trials: items, from_the_start, complete: changes.complete, total };
                Ok(Told { page, is_at_work: None })
            }
        }
    }
}

fn of_task(task: WatchedTask) -> Told {
    let trials = task.trials.unwrap_or_default();
    let page = Page { trials, from_the_start: true, complete: true, total: Total::Page };
    Told { page, is_at_work: Some(!task.status.is_terminal()) }
}

//! What is watched, and what it is called.

use std::collections::BTreeMap;

use oddish_api_types::TaskStatusResponse;

use super::scope::{self, RunTrials};
use crate::client::{Client, ClientError, WatchedTrial};
use crate::failure::Failure;
use crate::plain_text;

/// What is watched.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// One task, by id, with all its trials.
    Task(String),
    /// The tasks of an experiment, by its id, with the trials that they have there.
    Experiment(String),
    /// What one run submitted: the id of its experiment, and its trials by the ids of their tasks.
    Run { experiment_id: String, tasks: BTreeMap<String, RunTrials> },
}

/// What a subject is called on the command line.
pub(super) enum Place<'a> {
    Task(&'a str),
    Experiment(&'a str),
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

    /// Whether a trial is meant.
    pub(super) fn includes(&self, trial: &WatchedTrial) -> bool {
        match self {
            Self::Task(id) => trial.task_id == *id,
            Self::Experiment(id) => trial.experiment_id.as_ref() == Some(id),
            Self::Run { experiment_id, tasks } => {
                trial.experiment_id.as_ref() == Some(experiment_id)
                    && tasks.get(&trial.task_id).is_some_and(|mine| mine.contains(&trial.id))
            }
        }
    }

    /// Whether it is about trials only, whatever comes after them.
    pub(super) fn is_run(&self) -> bool {
        matches!(self, Self::Run { .. })
    }

    /// The task, where there is one only; else the experiment.
    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::Task(id) => Place::Task(id),
            Self::Experiment(id) => Place::Experiment(id),
            Self::Run { experiment_id, tasks } => match tasks.keys().collect::<Vec<_>>()[..] {
                [id] => Place::Task(id),
                _ => Place::Experiment(experiment_id),
            },
        }
    }

    /// Its id, safe to print.
    pub(super) fn title(&self) -> String {
        let (Place::Task(id) | Place::Experiment(id)) = self.place();
        plain_text::line(id)
    }

    /// The command that watches this again.
    pub(crate) fn resume_hint(&self) -> String {
        match self.place() {
            Place::Task(id) => format!("oddish watch {}", plain_text::line(id)),
            Place::Experiment(id) => format!("oddish watch --experiment {}", plain_text::line(id)),
        }
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

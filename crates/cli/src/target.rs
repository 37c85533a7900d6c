//! What a command acts on: a task, a trial or an experiment, and which of its trials.

mod filter;

use oddish_api_types::{ExperimentResponse, TaskStatusResponse, TrialResponse};
use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::failure::Failure;
use crate::naming::{self, TaskOrTrial};
use crate::plain_text;

pub(crate) use self::filter::{Filter, FilterArgs};

/// What a command acts on.
#[derive(Debug)]
pub(crate) enum Target {
    Task(Box<TaskStatusResponse>),
    Trial(Box<TrialResponse>),
    Experiment(Box<ExperimentResponse>),
}

/// A target as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TargetId {
    kind: &'static str,
    id: String,
    name: String,
}

impl Target {
    /// The task or trial, or else the experiment, that the command line names.
    pub(crate) async fn find(
        client: &Client,
        task_or_trial: Option<&str>,
        experiment: Option<&str>,
    ) -> Result<Self, Failure> {
        match (task_or_trial, experiment) {
            (Some(text), _) => Ok(match naming::task_or_trial(client, text).await? {
                TaskOrTrial::Task(task) => Self::Task(task),
                TaskOrTrial::Trial(trial) => Self::Trial(trial),
            }),
            (None, Some(text)) => Ok(Self::Experiment(Box::new(naming::experiment(client, text).await?))),
            (None, None) => Err(Failure::usage("name a task, a trial, or an --experiment")),
        }
    }

    /// Its trials, of all versions and all pages.
    pub(crate) async fn trials(&self, client: &Client) -> Result<Vec<TrialResponse>, ClientError> {
        let field = match self {
            Self::Trial(trial) => return Ok(vec![(**trial).clone()]),
            Self::Task(_) => "task_id",
            Self::Experiment(_) => "experiment_id",
        };
        let mut trials = client.trials(&[(field, self.id().to_owned())]).await?;
        // Lists begin with the newest trial.
        trials.reverse();
        Ok(trials)
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Task(task) => &task.id,
            Self::Trial(trial) => &trial.id,
            Self::Experiment(experiment) => &experiment.id,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Task(task) => &task.name,
            Self::Trial(trial) => &trial.name,
            Self::Experiment(experiment) => &experiment.name,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::Trial(_) => "trial",
            Self::Experiment(_) => "experiment",
        }
    }

    /// For `--json`.
    pub(crate) fn as_json(&self) -> TargetId {
        TargetId { kind: self.kind(), id: self.id().to_owned(), name: self.name().to_owned() }
    }
}

/// For a person: `experiment 9f8e7d6c (swift-otter-x1y2)`.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind(), plain_text::line(self.id()))?;
        match self {
            Self::Trial(_) => Ok(()),
            Self::Task(_) | Self::Experiment(_) => write!(f, " ({})", plain_text::line(self.name())),
        }
    }
}

//! What a watch asks for. Only the fields that it shows are read: an experiment may have 10,000 trials.

use oddish_api_types::{FailureClass, QueueInfo, TaskStatus, TrialLogsResponse, TrialStatus, WaitingReason};
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Client, ClientError, LARGEST_PAGE, READ_TIMEOUT};

/// Where changes begin.
pub(crate) const FROM_THE_START: &str = "0";

/// A trial, as far as a watch needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct WatchedTrial {
    pub(crate) id: String,
    pub(crate) task_id: String,
    pub(crate) experiment_id: Option<String>,
    pub(crate) agent: String,
    pub(crate) model: Option<String>,
    pub(crate) queue_key: String,
    pub(crate) status: TrialStatus,
    pub(crate) harbor_stage: Option<String>,
    pub(crate) reward: Option<f64>,
    pub(crate) error_message: Option<String>,
    pub(crate) error_class: Option<FailureClass>,
    pub(crate) cost_usd: Option<f64>,
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub(crate) started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub(crate) finished_at: Option<OffsetDateTime>,
}

/// The trials of an experiment that changed after a cursor, in the order of their changes.
#[derive(Debug, Deserialize)]
pub(crate) struct ChangedTrials {
    pub(crate) items: Vec<WatchedTrial>,
    /// Null from a server that knows no changes.
    #[serde(default)]
    pub(crate) changes: Option<Changes>,
    /// Trials of the experiment, if they were to be counted.
    pub(crate) total: Option<usize>,
}

/// How a list of changes goes on.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    /// The next request's cursor.
    pub(crate) next: String,
    /// Whether there are no more changes for now.
    pub(crate) complete: bool,
}

/// A task and all its trials.
#[derive(Debug, Deserialize)]
pub(crate) struct WatchedTask {
    pub(crate) status: TaskStatus,
    #[serde(default)]
    pub(crate) trials: Option<Vec<WatchedTrial>>,
}

#[derive(Debug, Deserialize)]
struct Stage {
    status: TaskStatus,
}

/// An experiment's name, and what comes after its trials.
#[derive(Debug, Deserialize)]
pub(crate) struct WatchedExperiment {
    pub(crate) name: String,
    /// Tasks that are analysed and judged.
    pub(crate) analysis_tasks: i64,
}

/// Why a trial has not begun.
#[derive(Debug, Deserialize)]
pub(crate) struct WaitingTrial {
    #[serde(default)]
    pub(crate) waiting_reason: Option<WaitingReason>,
    #[serde(default)]
    pub(crate) queue_info: Option<QueueInfo>,
}

impl Client {
    /// `GET /trials?changed_after=`: one page of changes, and if wanted the number of all trials.
    pub(crate) async fn changed_trials(
        &self,
        experiment_id: &str,
        cursor: &str,
        count: bool,
    ) -> Result<ChangedTrials, ClientError> {
        let query = [
            ("experiment_id", experiment_id),
            ("changed_after", cursor),
            ("limit", &LARGEST_PAGE.to_string()),
            ("total", if count { "true" } else { "false" }),
        ];
        self.send(self.http.get(self.api.url(&["trials"])).query(&query).timeout(READ_TIMEOUT)).await
    }

    /// `GET /tasks/{task_id}`, with the trials of all versions.
    pub(crate) async fn watched_task(&self, task_id: &str) -> Result<WatchedTask, ClientError> {
        let request = self.http.get(self.task_url(task_id)).query(&[("version", "all")]);
        self.send(request.timeout(READ_TIMEOUT)).await
    }

    /// `GET /experiments/{experiment_id}`.
    pub(crate) async fn watched_experiment(&self, experiment_id: &str) -> Result<WatchedExperiment, ClientError> {
        self.send(self.http.get(self.api.url(&["experiments", experiment_id])).timeout(READ_TIMEOUT)).await
    }

    /// How many tasks of an experiment have not come to their end.
    pub(crate) async fn tasks_at_work(&self, experiment_id: &str) -> Result<usize, ClientError> {
        let (mut at_work, mut offset) = (0, 0);
        loop {
            let query = [
                ("experiment_id", experiment_id.to_owned()),
                ("limit", LARGEST_PAGE.to_string()),
                ("offset", offset.to_string()),
                ("include_trials", "false".to_owned()),
            ];
            let request = self.http.get(self.api.url(&["tasks"])).query(&query).timeout(READ_TIMEOUT);
            let page: Vec<Stage> = self.send(request).await?;
            at_work += page.iter().filter(|task| !task.status.is_terminal()).count();
            offset += page.len();
            if page.len() < LARGEST_PAGE {
                return Ok(at_work);
            }
        }
    }

    /// Why a trial has not begun; without a reason where it has.
    pub(crate) async fn waiting_trial(&self, trial_id: &str) -> Result<WaitingTrial, ClientError> {
        self.send(self.http.get(self.api.url(&["trials", trial_id])).timeout(READ_TIMEOUT)).await
    }

    /// The last lines of a trial's log.
    pub(crate) async fn log_tail(&self, trial_id: &str, lines: usize) -> Result<TrialLogsResponse, ClientError> {
        let request = self.http.get(self.api.url(&["trials", trial_id, "logs"])).query(&[("tail", lines)]);
        self.send(request.timeout(READ_TIMEOUT)).await
    }
}

//! What can be named: tasks, trials and experiments.

use oddish_api_types::{ExperimentResponse, TaskStatusResponse, TrialResponse};

use crate::client::{Client, ClientError, Field};
use crate::plain_text;
use crate::view::trial::counted;

/// Longest name that tells things apart, in characters.
const MOST_OF_NAME: usize = 40;

/// A thing with an id and a name.
pub(super) trait Thing: Sized {
    /// What it is called in a sentence.
    const NOUN: &'static str;
    /// Which command lists such things.
    const LISTED_BY: &'static str;

    fn id(&self) -> &str;

    /// What tells it apart from others of its kind, beside its id.
    fn told_apart(&self) -> String;

    async fn of_id(client: &Client, id: &str) -> Result<Option<Self>, ClientError>;

    async fn of_name(client: &Client, name: &str, most: usize) -> Result<Vec<Self>, ClientError>;

    async fn of_prefix(client: &Client, prefix: &str, most: usize) -> Result<Vec<Self>, ClientError>;
}

impl Thing for TaskStatusResponse {
    const NOUN: &'static str = "task";
    const LISTED_BY: &'static str =
        "`oddish status` lists the newest experiments, and `oddish status --experiment ID` the tasks of one";

    fn id(&self) -> &str {
        &self.id
    }

    fn told_apart(&self) -> String {
        let name = plain_text::short_line(&self.name, MOST_OF_NAME);
        let trials = counted(usize::try_from(self.total).unwrap_or_default(), "trial");
        format!("{name}, {}, {trials}, created {}", self.status, self.created_at.date())
    }

    async fn of_id(client: &Client, id: &str) -> Result<Option<Self>, ClientError> {
        client.find_task(id).await
    }

    async fn of_name(client: &Client, name: &str, most: usize) -> Result<Vec<Self>, ClientError> {
        client.tasks_by(Field::Name, name, most, |task| task.name == name).await
    }

    async fn of_prefix(client: &Client, prefix: &str, most: usize) -> Result<Vec<Self>, ClientError> {
        client.tasks_by(Field::IdPrefix, prefix, most, |task| task.id.starts_with(prefix)).await
    }
}

impl Thing for TrialResponse {
    const NOUN: &'static str = "trial";
    const LISTED_BY: &'static str = "`oddish status TASK` lists the trials of a task";

    fn id(&self) -> &str {
        &self.id
    }

    fn told_apart(&self) -> String {
        let model = self.model.as_deref().map(|model| format!(", {model}")).unwrap_or_default();
        plain_text::line(&format!("{}{model}, {}, created {}", self.agent, self.status, self.created_at.date()))
    }

    async fn of_id(client: &Client, id: &str) -> Result<Option<Self>, ClientError> {
        client.find_trial(id).await
    }

    async fn of_name(client: &Client, name: &str, most: usize) -> Result<Vec<Self>, ClientError> {
        client.trials_by(Field::Name, name, most, |trial| trial.name == name).await
    }

    async fn of_prefix(client: &Client, prefix: &str, most: usize) -> Result<Vec<Self>, ClientError> {
        client.trials_by(Field::IdPrefix, prefix, most, |trial| trial.id.starts_with(prefix)).await
    }
}

impl Thing for ExperimentResponse {
    const NOUN: &'static str = "experiment";
    const LISTED_BY: &'static str = "`oddish status` lists the newest experiments with their ids";

    fn id(&self) -> &str {
        &self.id
    }

    fn told_apart(&self) -> String {
        let name = plain_text::short_line(&self.name, MOST_OF_NAME);
        let tasks = counted(usize::try_from(self.task_count).unwrap_or_default(), "task");
        let trials = counted(usize::try_from(self.total_trials).unwrap_or_default(), "trial");
        format!("{name}, {tasks}, {trials}, created {}", self.created_at.date())
    }

    async fn of_id(client: &Client, id: &str) -> Result<Option<Self>, ClientError> {
        client.find_experiment(id).await
    }

    async fn of_name(client: &Client, name: &str, most: usize) -> Result<Vec<Self>, ClientError> {
        client.experiments_by(Field::Name, name, most, |experiment| experiment.name == name).await
    }

    async fn of_prefix(client: &Client, prefix: &str, most: usize) -> Result<Vec<Self>, ClientError> {
        client.experiments_by(Field::IdPrefix, prefix, most, |experiment| experiment.id.starts_with(prefix)).await
    }
}

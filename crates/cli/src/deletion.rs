//! Deleting tasks, trials and experiments, for the commands that do.

use oddish_api_types::ExperimentResponse;
use serde::Serialize;
use serde_json::json;

use crate::batch::{Batch, each, patiently};
use crate::client::{Client, ClientError};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::question::confirmed;
use crate::target::{Target, TargetId};
use crate::view::trial::counted;

/// What was deleted, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Deleted {
    #[serde(flatten)]
    target: TargetId,
    tasks: u64,
    trials: u64,
}

/// How a command that deletes asks and tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    pub(crate) yes: bool,
    pub(crate) json: bool,
    pub(crate) printer: &'a Printer,
}

impl Manner<'_> {
    /// Asks, and deletes the target.
    pub(crate) async fn delete(self, client: &Client, target: &Target) -> Result<ExitStatus, Failure> {
        if !confirmed(&question(target), self.yes)? {
            return Err(aborted());
        }
        let deleted = patiently_delete(client, target).await;
        let deleted = deleted.map_err(|error| error.while_doing(&format!("cannot delete {target}")))?;
        if self.json {
            self.printer.json(&json!({ "deleted": [deleted], "failed": {}, "not_tried": [] }))?;
        } else {
            self.printer.result(&format!("Deleted {target}{}", with(target, &deleted)))?;
        }
        Ok(ExitStatus::Success)
    }

    /// Asks, and deletes every experiment that there is now.
    pub(crate) async fn delete_all_experiments(self, client: &Client) -> Result<ExitStatus, Failure> {
        let all = client.all_experiments().await;
        let all: Vec<ExperimentResponse> = all.map_err(|error| error.while_doing("cannot list the experiments"))?;
        if all.is_empty() {
            if self.json {
                self.printer.json(&json!({ "deleted": [], "failed": {}, "not_tried": [] }))?;
            } else {
                self.printer.result(&format!("No experiments at {}", client.server()))?;
            }
            return Ok(ExitStatus::Success);
        }
        let sum = |count: fn(&ExperimentResponse) -> i64| {
            usize::try_from(all.iter().map(count).sum::<i64>()).unwrap_or_default()
        };
        let trials = counted(sum(|experiment| experiment.total_trials), "trial");
        let open = still_open(sum(|experiment| experiment.active_trials));
        let question = format!(
            "Delete {} at {} with {trials} and everything that is stored of them?{open}",
            counted(all.len(), "experiment"),
            client.server()
        );
        if !confirmed(&question, self.yes)? {
            return Err(aborted());
        }
        let ids = all.iter().map(|experiment| experiment.id.clone()).collect();
        // `each` repeats.
        let client = &client.without_repeats();
        let batch = each(ids, "Deleting", self.printer, async |id: &str| {
            let Some(experiment) = all.iter().find(|experiment| experiment.id == id) else { return Ok(None) };
            let target = Target::Experiment(Box::new(experiment.clone()));
            match delete_once(client, &target).await {
                // An earlier try that got no answer, or somebody else, was first.
                Err(error) if error.is_not_found() => Ok(None),
                deleted => deleted.map(Some),
            }
        });
        let batch: Batch<Option<Deleted>> = batch.await?;
        batch.report(self.printer);
        let deleted: Vec<&Deleted> = batch.done.iter().flatten().collect();
        if self.json {
            let result = json!({ "deleted": deleted, "failed": batch.failed, "not_tried": batch.not_tried });
            self.printer.json(&result)?;
        } else {
            let sum = |count: fn(&Deleted) -> u64| deleted.iter().map(|deleted| count(deleted)).sum::<u64>();
            self.printer.result(&format!(
                "Deleted {} with {} and {}",
                counted(deleted.len(), "experiment"),
                counted_u64(sum(|deleted| deleted.trials), "trial"),
                counted_u64(sum(|deleted| deleted.tasks), "task"),
            ))?;
        }
        Ok(batch.status())
    }
}

fn question(target: &Target) -> String {
    match target {
        Target::Trial(trial) => {
            let open = still_open(usize::from(!trial.status.is_terminal()));
            format!("Delete {target} ({}) and everything that is stored of it?{open}", trial.status)
        }
        Target::Task(task) => {
            let open = still_open(usize::try_from(task.total - task.completed - task.failed).unwrap_or_default());
            let trials = counted(usize::try_from(task.total).unwrap_or_default(), "trial");
            format!("Delete {target} with {trials} and everything that is stored of it?{open}")
        }
        Target::Experiment(experiment) => {
            let open = still_open(usize::try_from(experiment.active_trials).unwrap_or_default());
            let trials = counted(usize::try_from(experiment.total_trials).unwrap_or_default(), "trial");
            let tasks = counted(usize::try_from(experiment.task_count).unwrap_or_default(), "task");
            format!("Delete {target} with {trials} of {tasks} and everything that is stored of them?{open}")
        }
    }
}

/// The server deletes what runs, too.
fn still_open(trials: usize) -> String {
    match trials {
        0 => String::new(),
        1 => " 1 trial has not ended; if it runs, it stops within seconds.".to_owned(),
        trials => format!(" {trials} trials have not ended; those that run stop within seconds."),
    }
}

/// Deletes, and tries again where the answer was lost. What is gone after a lost answer was deleted by the first try.
async fn patiently_delete(client: &Client, target: &Target) -> Result<Deleted, ClientError> {
    let tries = std::cell::Cell::new(0_u32);
    let client = &client.without_repeats();
    patiently(async || {
        tries.set(tries.get() + 1);
        match delete_once(client, target).await {
            Err(error) if error.is_not_found() && tries.get() > 1 => Ok(known(target)),
            deleted => deleted,
        }
    })
    .await
}

async fn delete_once(client: &Client, target: &Target) -> Result<Deleted, ClientError> {
    match target {
        Target::Task(task) => client.delete_task(&task.id).await.map(|_| known(target)),
        Target::Trial(trial) => client.delete_trial(&trial.id).await.map(|_| known(target)),
        Target::Experiment(experiment) => {
            let deleted = client.delete_experiment(&experiment.id).await?.deleted;
            Ok(Deleted { target: target.as_json(), tasks: deleted.tasks, trials: deleted.trials })
        }
    }
}

/// What goes with the target, as it was when it was asked about.
fn known(target: &Target) -> Deleted {
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let (tasks, trials) = match target {
        Target::Task(task) => (1, count(task.total)),
        Target::Trial(_) => (0, 1),
        Target::Experiment(experiment) => (0, count(experiment.total_trials)),
    };
    Deleted { target: target.as_json(), tasks, trials }
}

/// What went with the target.
fn with(target: &Target, deleted: &Deleted) -> String {
    let (trials, tasks) = (counted_u64(deleted.trials, "trial"), counted_u64(deleted.tasks, "task"));
    match target {
        Target::Trial(_) => String::new(),
        Target::Task(_) => format!(" with {trials}"),
        Target::Experiment(_) => format!(" with {trials} and {tasks}"),
    }
}

fn counted_u64(number: u64, noun: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn aborted() -> Failure {
    Failure::new("aborted: nothing was deleted")
}

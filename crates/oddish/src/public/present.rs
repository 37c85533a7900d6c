//! Tasks as whoever has the token of an experiment reads them.

use std::collections::HashMap;

use oddish_api_types::{TaskStatus, TaskStatusResponse, TrialResponse};
use oddish_db::tasks::{self, Task, TaskFilter};
use oddish_db::trials::{self, OfTask, Trial};
use oddish_db::{Db, DbError};

use crate::caller::Shared;
use crate::tasks::present::{present_task, present_trials_to_guests};

/// Which tasks those are, counting what the experiment ran of them; one of them, if an id is given.
pub(super) fn filter(shared: &Shared, task_id: Option<&str>) -> TaskFilter {
    TaskFilter {
        task_id: task_id.map(str::to_owned),
        experiment_id: Some(shared.experiment.id.clone()),
        ..TaskFilter::default()
    }
}

/// The tasks that have trials in the experiment, with these trials if they are asked for.
pub(super) async fn present(
    db: &Db,
    shared: &Shared,
    tasks: Vec<Task>,
    with_trials: bool,
) -> Result<Vec<TaskStatusResponse>, DbError> {
    let tasks: Vec<Task> = tasks.into_iter().filter(|task| task.tally.total > 0).collect();
    let own = tasks::only_in_experiment(db, &shared.experiment.id).await?;
    let mut trials = HashMap::new();
    if with_trials {
        let counted = tasks.iter().map(|task| OfTask { task_id: task.id.clone(), version: None });
        let found = trials::list_of_tasks(db, &counted.collect::<Vec<_>>(), Some(&shared.experiment.id)).await?;
        trials = by_task(found);
    }
    let present = tasks.into_iter().map(|task| {
        let trials = with_trials.then(|| trials.remove(&task.id).unwrap_or_default());
        let is_own = own.contains(&task.id);
        present_to_guests(shared, task, is_own, trials)
    });
    Ok(present.collect())
}

fn by_task(trials: Vec<Trial>) -> HashMap<String, Vec<TrialResponse>> {
    let mut by_task: HashMap<String, Vec<TrialResponse>> = HashMap::new();
    for trial in present_trials_to_guests(trials) {
        by_task.entry(trial.task_id.clone()).or_default().push(trial);
    }
    by_task
}

/// A task that has trials elsewhere too has a stage, times and a verdict that are about those as well: of these nothing is said but whether
/// the trials here have ended.
fn present_to_guests(
    shared: &Shared,
    task: Task,
    is_own: bool,
    trials: Option<Vec<TrialResponse>>,
) -> TaskStatusResponse {
    let experiment = &shared.experiment;
    let ended = task.tally.active() == 0;
    let task = Task {
        experiment_id: Some(experiment.id.clone()),
        experiment_name: Some(experiment.name.clone()),
        experiment_is_public: true,
        current_version: task.counted_version.unwrap_or(task.current_version),
        ..task
    };
    if is_own {
        return present_task(task, trials);
    }
    let elsewhere = Task {
        status: if ended { TaskStatus::Completed } else { TaskStatus::Running },
        verdict_status: None,
        verdict: None,
        verdict_error: None,
        started_at: None,
        finished_at: None,
        ..task
    };
    present_task(elsewhere, trials)
}

//! Which trials of a task are meant: a task keeps the trials of every run on it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use oddish_api_types::{TaskStatus, TaskStatusResponse, TrialResponse, TrialStatus};

/// The trials of one task that one run created.
#[derive(Debug)]
pub(crate) struct RunTrials {
    number: usize,
    /// Their ids, once they were seen: a later run may add trials to the same experiment.
    ids: OnceLock<BTreeSet<String>>,
}

impl RunTrials {
    /// The newest `number` trials of the task within the run's experiment, as they are when first seen.
    pub(crate) fn newest(number: usize) -> Self {
        Self { number, ids: OnceLock::new() }
    }

    fn contains(&self, trials: &[TrialResponse]) -> &BTreeSet<String> {
        self.ids.get_or_init(|| {
            let older = trials.len().saturating_sub(self.number);
            trials.iter().skip(older).map(|trial| trial.id.clone()).collect()
        })
    }
}

/// The task as seen from one experiment: its trials there, and counts and stage that follow from them. Where the task
/// itself belongs to another experiment, the name of this one isn't known.
pub(crate) fn within_experiment(mut task: TaskStatusResponse, experiment_id: &str) -> TaskStatusResponse {
    if task.experiment_id.as_deref() != Some(experiment_id) {
        task.experiment_id = Some(experiment_id.to_owned());
        task.experiment_name = None;
    }
    narrowed(task, |trials| trials.retain(|trial| trial.experiment_id.as_deref() == Some(experiment_id)))
}

/// The task as seen from one run: the run's trials, and counts and stage that follow from them.
pub(crate) fn within_run(task: TaskStatusResponse, experiment_id: &str, mine: &RunTrials) -> TaskStatusResponse {
    narrowed(within_experiment(task, experiment_id), |trials| {
        let ids = mine.contains(trials);
        trials.retain(|trial| ids.contains(&trial.id));
    })
}

/// Whether all trials that are shown with the task have ended; without any, whether the task has.
pub(crate) fn trials_ended(task: &TaskStatusResponse) -> bool {
    match task.trials.as_deref() {
        None | Some([]) => task.status.is_terminal(),
        Some(trials) => trials.iter().all(|trial| trial.status.is_terminal()),
    }
}

fn narrowed(mut task: TaskStatusResponse, narrow: impl FnOnce(&mut Vec<TrialResponse>)) -> TaskStatusResponse {
    // A server that gives no trials leaves nothing to go by but its own counts.
    let Some(mut trials) = task.trials.take() else { return task };
    let all = trials.len();
    narrow(&mut trials);
    if trials.len() < all {
        recount(&mut task, &trials);
    }
    task.trials = Some(trials);
    task
}

fn recount(task: &mut TaskStatusResponse, trials: &[TrialResponse]) {
    let count = |wanted: fn(&TrialResponse) -> bool| {
        i64::try_from(trials.iter().filter(|trial| wanted(trial)).count()).unwrap_or(i64::MAX)
    };
    task.total = count(|_| true);
    task.completed = count(|trial| trial.status == TrialStatus::Success);
    task.failed = count(|trial| trial.status == TrialStatus::Failed);
    task.progress = format!("{}/{} completed", task.completed, task.total);
    let rewarded = Some(count(|trial| trial.reward.is_some())).filter(|number| *number > 0);
    task.reward_total = rewarded;
    task.reward_success = rewarded.map(|_| count(|trial| trial.reward == Some(1.0)));
    task.reward_sum = rewarded.map(|_| trials.iter().filter_map(|trial| trial.reward).sum());
    task.reward_unconfirmed = count(|trial| trial.unconfirmed_reward.is_some());
    if matches!(task.status, TaskStatus::Pending | TaskStatus::Running) && !trials.is_empty() {
        task.status = if count(|trial| trial.status.is_terminal()) == task.total {
            TaskStatus::Completed
        } else if count(|trial| matches!(trial.status, TrialStatus::Pending | TrialStatus::Queued)) == task.total {
            TaskStatus::Pending
        } else {
            TaskStatus::Running
        };
    }
}

//! Which trials of a task are meant: a task keeps the trials of every run on it.

use std::ops::Range;

use oddish_api_types::{TaskResponse, TaskStatus, TaskStatusResponse, TrialResponse, TrialStatus};
use oddish_domain::id::parse_trial_id;

/// The trials of one task that one run created, by their indices: others may have added trials to the task, and to the
/// same experiment, before and since.
#[derive(Clone, Debug)]
pub(crate) struct RunTrials(Range<u32>);

impl RunTrials {
    /// Those that a sweep created.
    pub(crate) fn of(sweep: &TaskResponse) -> Self {
        let first = sweep.first_trial_index;
        Self(first..first.saturating_add(sweep.trials_count))
    }

    /// Whether one of the task's trials is among them.
    pub(super) fn contains(&self, trial_id: &str) -> bool {
        parse_trial_id(trial_id).is_some_and(|(_, index)| self.0.contains(&index))
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
    narrowed(within_experiment(task, experiment_id), |trials| trials.retain(|trial| mine.contains(&trial.id)))
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

//! Tasks as text: one task, the tasks of an experiment, the newest experiments.

use comfy_table::Cell;
use oddish_api_types::{ExperimentResponse, TaskStatus, TaskStatusResponse};

use super::table::{render, table, task_status_cell, text_cell};
use super::trial::{counted, failures, omissions, reward, trials};
use crate::plain_text;

/// One task and its trials.
pub(crate) fn task(task: &TaskStatusResponse, width: Option<u16>) -> String {
    let facts = [
        ("Task", plain_text::line(&task.id)),
        ("Experiment", experiment_of(task)),
        ("Status", task.status.to_string()),
        ("Progress", progress(std::slice::from_ref(task))),
        ("Rewards", rewards(std::slice::from_ref(task))),
    ];
    let mut parts = vec![facts.map(|(name, value)| format!("{name:<11} {value}")).join("\n")];
    if let Some(rows) = task.trials.as_deref().filter(|rows| !rows.is_empty()) {
        parts.push(trials(rows, width));
    }
    parts.extend(failures(std::slice::from_ref(task)));
    parts.extend(omissions(&task.trials.iter().flatten().collect::<Vec<_>>()));
    parts.join("\n\n")
}

/// The tasks of one experiment.
pub(crate) fn experiment(tasks: &[TaskStatusResponse], width: Option<u16>) -> String {
    let mut table = table(&["Task", "Status"], &["Progress", "Rewards"], width);
    for task in tasks {
        table.add_row(vec![
            text_cell(&task.id),
            task_status_cell(task.status),
            Cell::new(format!("{}/{}", task.completed + task.failed, task.total)),
            Cell::new(rewards(std::slice::from_ref(task))),
        ]);
    }
    let mut parts = vec![];
    if let Some(first) = tasks.first() {
        parts.push(format!("Experiment  {}", experiment_of(first)));
    }
    parts.push(render(&table));
    parts.push(experiment_summary(tasks));
    parts.join("\n\n")
}

fn experiment_summary(tasks: &[TaskStatusResponse]) -> String {
    let count = |wanted: fn(TaskStatus) -> bool| tasks.iter().filter(|task| wanted(task.status)).count();
    format!(
        "{}/{} done | {} running | {} pending | {} | rewards {}",
        count(TaskStatus::is_terminal),
        counted(tasks.len(), "task"),
        count(|status| !status.is_terminal() && status != TaskStatus::Pending),
        count(|status| status == TaskStatus::Pending),
        progress(tasks),
        rewards(tasks),
    )
}

/// Experiments, each with what became of all its trials.
pub(crate) fn recent_experiments(experiments: &[ExperimentResponse], width: Option<u16>) -> String {
    let mut table = table(&["Experiment", "Name"], &["Tasks", "Progress", "Failed", "Rewards"], width);
    for experiment in experiments {
        let ended = experiment.completed_trials + experiment.failed_trials;
        let rewards = match experiment.reward_total {
            0 => "-".into(),
            number => format!("{}/{number}", reward(Some(experiment.reward_sum))),
        };
        table.add_row(vec![
            text_cell(&experiment.id),
            text_cell(&experiment.name),
            Cell::new(experiment.task_count),
            Cell::new(format!("{ended}/{}", experiment.total_trials)),
            Cell::new(experiment.failed_trials),
            Cell::new(rewards),
        ]);
    }
    render(&table)
}

fn experiment_of(task: &TaskStatusResponse) -> String {
    let id = plain_text::line(task.experiment_id.as_deref().unwrap_or("-"));
    match &task.experiment_name {
        None => id,
        Some(name) => format!("{id} ({})", plain_text::line(name)),
    }
}

/// `2/3 trials succeeded, 1 failed`.
fn progress(tasks: &[TaskStatusResponse]) -> String {
    let (completed, failed, total) = tasks.iter().fold((0, 0, 0), |(completed, failed, total), task| {
        (completed + task.completed, failed + task.failed, total + task.total)
    });
    format!("{completed}/{total} trials succeeded, {failed} failed")
}

/// Sum and number of the rewards, `-` while there is none; and how many do not count.
fn rewards(tasks: &[TaskStatusResponse]) -> String {
    match tasks.iter().map(|task| task.reward_unconfirmed).sum::<i64>() {
        0 => confirmed_rewards(tasks),
        unconfirmed => format!("{} ({unconfirmed} unconfirmed)", confirmed_rewards(tasks)),
    }
}

fn confirmed_rewards(tasks: &[TaskStatusResponse]) -> String {
    let number: i64 = tasks.iter().filter_map(|task| task.reward_total).sum();
    if number == 0 {
        return "-".into();
    }
    #[expect(clippy::cast_precision_loss, reason = "no task has 2^52 trials")]
    let sum: f64 =
        tasks.iter().filter_map(|task| task.reward_sum.or(task.reward_success.map(|passed| passed as f64))).sum();
    format!("{}/{number}", reward(Some(sum)))
}

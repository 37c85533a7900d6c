//! What was done to trials, or would be.

use comfy_table::Cell;
use oddish_api_types::{CancelledTrials, TrialResponse};

use super::table::{render, stdout_width, table, text_cell, trial_status_cell};
use super::trial::{activity, counted, reward};
use crate::target::Target;

/// What became of trials that were to run again.
#[derive(Debug, Default)]
pub(crate) struct Retried {
    /// They had ended, and are queued.
    pub(crate) queued: Vec<String>,
    /// They have not ended, and were left alone.
    pub(crate) not_ended: Vec<String>,
    /// They ran elsewhere, and cannot run here.
    pub(crate) imported: Vec<String>,
}

/// `all 3 trials`, `2 of 3 trials`, `the trial`.
pub(crate) fn number(some: usize, all: usize, noun: &str) -> String {
    match (some, all) {
        (1, 1) => format!("1 {noun}"),
        (some, all) if some == all => format!("all {}", counted(all, noun)),
        (some, all) => format!("{some} of {}", counted(all, noun)),
    }
}

/// The trials that a command would act on.
pub(crate) fn dry_run(target: &Target, done: &str, trials: &[&TrialResponse]) -> String {
    let summary = format!("{} of {target} would be {done}", counted(trials.len(), "trial"));
    if trials.is_empty() {
        return summary;
    }
    let mut table = table(&["Trial", "Agent", "Model", "Status"], &["Reward"], stdout_width());
    for trial in trials {
        table.add_row(vec![
            text_cell(&trial.id),
            text_cell(&trial.agent),
            text_cell(trial.model.as_deref().unwrap_or("-")),
            trial_status_cell(trial.status, activity(trial)),
            Cell::new(reward(trial.reward)),
        ]);
    }
    format!("{}\n\n{summary}", render(&table))
}

/// What cancelling did.
pub(crate) fn cancelled_trials(target: &Target, trials: &CancelledTrials) -> String {
    let CancelledTrials { cancelled, stopping, already_stopping, already_ended } = trials;
    lines(
        target,
        &[
            (cancelled, "cancelled before they ran"),
            (stopping, "running: they stop within seconds"),
            (already_stopping, "stopping already"),
            (already_ended, "ended before, and unchanged"),
        ],
    )
}

/// What retrying did.
pub(crate) fn retried_trials(target: &Target, trials: &Retried) -> String {
    let Retried { queued, not_ended, imported } = trials;
    lines(
        target,
        &[
            (queued, "queued again"),
            (not_ended, "not ended yet, and unchanged"),
            (imported, "imported, and so cannot run here"),
        ],
    )
}

fn lines(target: &Target, groups: &[(&Vec<String>, &str)]) -> String {
    let groups = groups.iter().filter(|(trials, _)| !trials.is_empty());
    let told: Vec<String> = groups.map(|(trials, what)| format!("{:>6}  {what}", trials.len())).collect();
    let title = format!("Trials of {target}");
    if told.is_empty() { format!("{title}\n     0  to act on") } else { format!("{title}\n{}", told.join("\n")) }
}

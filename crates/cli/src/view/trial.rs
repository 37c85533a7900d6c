//! Trials as tables: while they run, and what came of them.

use comfy_table::Cell;
use oddish_api_types::{TaskStatusResponse, TrialResponse, TrialStatus};

use super::table::{render, table, text_cell, trial_status_cell};
use crate::plain_text;

const MAX_MESSAGE: usize = 200;

/// A reward as shown: whole numbers as they are, others with two decimals, a missing one as `-`.
pub(crate) fn reward(reward: Option<f64>) -> String {
    match reward {
        None => "-".into(),
        Some(reward) if reward.fract() == 0.0 => format!("{reward:.0}"),
        Some(reward) => format!("{reward:.2}"),
    }
}

/// What a trial does: its status, or the stage that Harbor is in while it runs.
pub(crate) fn activity(trial: &TrialResponse) -> &str {
    match &trial.harbor_stage {
        Some(stage) if trial.status == TrialStatus::Running => stage,
        _ => trial.status.as_str(),
    }
}

/// All trials with how often they were attempted.
pub(crate) fn trials(trials: &[TrialResponse], width: Option<u16>) -> String {
    let mut table = table(&["#", "Agent", "Model", "Status"], &["Reward", "Attempts"], width);
    for (index, trial) in trials.iter().enumerate() {
        table.add_row(vec![
            Cell::new(index.to_string()),
            text_cell(&trial.agent),
            text_cell(trial.model.as_deref().unwrap_or("-")),
            trial_status_cell(trial.status, activity(trial)),
            Cell::new(reward(trial.reward)),
            Cell::new(format!("{}/{}", trial.attempts, trial.max_attempts)),
        ]);
    }
    render(&table)
}

/// What came of the trials: a table, a summary, and why some failed.
pub(crate) fn results(tasks: &[TaskStatusResponse], width: Option<u16>) -> String {
    let mut table = table(&["Trial", "Agent", "Model", "Status"], &["Reward"], width);
    for trial in all_trials(tasks) {
        table.add_row(vec![
            text_cell(&trial.id),
            text_cell(&trial.agent),
            text_cell(trial.model.as_deref().unwrap_or("-")),
            trial_status_cell(trial.status, activity(trial)),
            Cell::new(reward(trial.reward)),
        ]);
    }
    let mut parts = vec![render(&table), summary(tasks)];
    parts.extend(failures(tasks));
    parts.extend(omissions(&all_trials(tasks).collect::<Vec<_>>()));
    parts.join("\n\n")
}

fn summary(tasks: &[TaskStatusResponse]) -> String {
    let count = |status| all_trials(tasks).filter(|trial| trial.status == status).count();
    let rewards: Vec<f64> = all_trials(tasks).filter_map(|trial| trial.reward).collect();
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 trials")]
    let mean = match rewards.len() {
        0 => "no rewards".into(),
        number => {
            format!("mean reward {:.2} (over {number} with a reward)", rewards.iter().sum::<f64>() / number as f64)
        }
    };
    let unconfirmed = match all_trials(tasks).filter(|trial| trial.unconfirmed_reward.is_some()).count() {
        0 => String::new(),
        number => format!(" | {number} unconfirmed"),
    };
    format!(
        "{} | {} succeeded | {} failed | {mean}{unconfirmed}",
        counted(all_trials(tasks).count(), "trial"),
        count(TrialStatus::Success),
        count(TrialStatus::Failed),
    )
}

/// Why trials failed, and where their logs are; nothing where none failed.
pub(crate) fn failures(tasks: &[TaskStatusResponse]) -> Option<String> {
    let lines: Vec<String> = all_trials(tasks)
        .filter(|trial| trial.status == TrialStatus::Failed)
        .map(|trial| {
            let message = trial.error_message.as_deref().unwrap_or_default();
            let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason was recorded");
            let first = plain_text::short_line(first, MAX_MESSAGE);
            let unconfirmed =
                trial.unconfirmed_reward.map(|given| format!(" (unconfirmed reward {})", reward(Some(given))));
            format!("{}: {first}{}", plain_text::line(&trial.id), unconfirmed.unwrap_or_default())
        })
        .collect();
    (!lines.is_empty()).then(|| format!("{}\nLogs: oddish logs <trial>", lines.join("\n")))
}

/// What of the trials' files is not kept, one line for each trial; nothing where all are.
pub(crate) fn omissions(trials: &[&TrialResponse]) -> Option<String> {
    let lines: Vec<String> = trials
        .iter()
        .filter_map(|trial| {
            let omitted = trial.omitted_files.as_ref().map(|omitted| {
                let reasons: Vec<String> =
                    omitted.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
                let files = counted(usize::try_from(omitted.files).unwrap_or(usize::MAX), "file");
                format!("{files} not kept ({}), listed in its omitted.json", reasons.join(", "))
            });
            let incomplete =
                trial.files_incomplete.then(|| "storing its files was stopped: some are missing".to_owned());
            let told: Vec<String> = omitted.into_iter().chain(incomplete).collect();
            (!told.is_empty()).then(|| format!("{}: {}", plain_text::line(&trial.id), told.join("; ")))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// `1 trial`, `2 trials`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn all_trials(tasks: &[TaskStatusResponse]) -> impl Iterator<Item = &TrialResponse> {
    tasks.iter().flat_map(|task| task.trials.iter().flatten())
}

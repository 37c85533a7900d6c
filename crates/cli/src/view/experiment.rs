//! One experiment as text.

use oddish_api_types::ExperimentResponse;

use super::trial::reward;
use crate::plain_text;

/// An experiment and what became of its trials.
pub(crate) fn experiment(experiment: &ExperimentResponse) -> String {
    let rewards = match (experiment.reward_total, experiment.reward_unconfirmed) {
        (0, 0) => "-".to_owned(),
        (number, 0) => format!("{}/{number}", reward(Some(experiment.reward_sum))),
        (number, more) => format!("{}/{number} ({more} unconfirmed)", reward(Some(experiment.reward_sum))),
    };
    let trials = format!(
        "{}: {} succeeded, {} failed, {} not ended",
        experiment.total_trials, experiment.completed_trials, experiment.failed_trials, experiment.active_trials
    );
    let mut facts = vec![
        ("Experiment", format!("{} ({})", experiment.id, experiment.name)),
        ("Tasks", experiment.task_count.to_string()),
        ("Trials", trials),
        ("Rewards", rewards),
        ("Cost", format!("{:.2} USD", experiment.cost_usd)),
        ("Shared", if experiment.is_public { "yes" } else { "no" }.to_owned()),
        ("Created", experiment.created_at.date().to_string()),
        ("Last active", experiment.last_created_at.date().to_string()),
    ];
    facts
        .extend(experiment.last_author.iter().map(|author| ("Author", format!("{} ({})", author.name, author.source))));
    facts.extend(experiment.last_pr_url.iter().map(|url| ("Pull request", url.clone())));
    let lines = facts.iter().map(|(name, value)| format!("{name:<12} {}", plain_text::line(value)));
    lines.collect::<Vec<_>>().join("\n")
}

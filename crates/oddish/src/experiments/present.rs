//! From rows to what clients read of experiments.

use oddish_api_types::{ExperimentResponse, LastAuthor};
use oddish_db::experiment_summaries::ExperimentSummary;
use serde_json::Value;

use crate::tasks::present::github_meta;

pub(crate) fn present(experiment: ExperimentSummary) -> ExperimentResponse {
    let label = |key: &str| experiment.last_tags.as_ref().and_then(|tags| tags.get(key)).and_then(Value::as_str);
    let github = label("github_username").map(|name| LastAuthor { name: name.to_owned(), source: "github".to_owned() });
    let tally = experiment.tally;
    let meta = label("github_meta").and_then(github_meta).unwrap_or_default();
    ExperimentResponse {
        last_author: github.or(experiment.last_submitted_by.map(|name| LastAuthor { name, source: "api".to_owned() })),
        last_pr_url: meta.get("pr_url").cloned(),
        last_pr_title: meta.get("pr_title").cloned(),
        last_pr_number: meta.get("pr_number").and_then(|number| number.parse().ok()),
        id: experiment.id,
        name: experiment.name,
        is_public: experiment.is_public,
        task_count: experiment.task_count,
        total_trials: tally.total,
        completed_trials: tally.succeeded,
        failed_trials: tally.failed,
        active_trials: tally.active(),
        reward_success: tally.reward_ones,
        reward_total: tally.rewarded,
        reward_sum: tally.reward_sum,
        reward_unconfirmed: tally.unconfirmed,
        cost_usd: experiment.cost_usd,
        analysis_tasks: experiment.judged,
        verdict_good: experiment.verdict_good,
        verdict_needs_review: experiment.verdict_needs_review,
        verdict_failed: experiment.verdict_failed,
        verdict_pending: experiment.verdict_pending,
        created_at: experiment.created_at,
        last_created_at: experiment.active_at,
        data_version: None,
    }
}

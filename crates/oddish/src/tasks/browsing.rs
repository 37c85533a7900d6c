//! Tasks by name, as people look through them.

use oddish_api_types::{BrowseTasksResponse, BrowsedTaskResponse, ExperimentName, LatestTrial, TrialStatus};
use oddish_db::Db;
use oddish_db::task_browsing::{self, BrowsedTask};
use oddish_domain::id;
use serde_json::Value;

use crate::Error;
use crate::paging::{self, Wanted};

/// Lists tasks by name, the last run first, with what the trials of their current version came to.
pub async fn browse(db: &Db, query: Option<&str>, limit: i64, offset: i64) -> Result<BrowseTasksResponse, Error> {
    let wanted = Wanted { limit, max_limit: 100, offset: Some(offset), cursor: None, sort: None };
    paging::choose(wanted, &[("last_run_at", ())])?;
    let mut tasks = task_browsing::browse(db, query, limit + 1, offset).await?;
    let page = usize::try_from(limit).unwrap_or_default();
    let has_more = tasks.len() > page;
    tasks.truncate(page);
    Ok(BrowseTasksResponse { items: tasks.into_iter().map(present).collect(), limit, offset, has_more })
}

fn present(task: BrowsedTask) -> BrowsedTaskResponse {
    let latest_trials = objects(&task.latest_trials).map(|trial| LatestTrial {
        id: text(trial, "id"),
        name: format!("{}-{}", task.name, trial["index"]),
        status: trial["status"].as_str().and_then(|status| status.parse().ok()).unwrap_or(TrialStatus::Queued),
        reward: trial["reward"].as_f64(),
        error_message: trial["error_message"].as_str().map(String::from),
    });
    let experiments = objects(&task.experiments)
        .map(|experiment| ExperimentName { id: text(experiment, "id"), name: text(experiment, "name") });
    BrowsedTaskResponse {
        latest_trials: latest_trials.collect(),
        experiments: experiments.collect(),
        current_version_id: Some(id::version_id(&task.id, task.current_version.unsigned_abs())),
        id: task.id,
        name: task.name,
        current_version: Some(task.current_version),
        version_count: task.version_count,
        total_trials: task.tally.total,
        completed_trials: task.tally.succeeded,
        failed_trials: task.tally.failed,
        reward_success: task.tally.reward_ones,
        reward_total: task.tally.rewarded,
        reward_sum: task.tally.reward_sum,
        reward_unconfirmed: task.tally.unconfirmed,
        last_run_at: task.last_run_at,
    }
}

fn objects(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_default().to_owned()
}

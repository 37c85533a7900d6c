//! Experiments on the wire (docs/compatibility.md, 1.7).

use oddish_domain::experiment::ExperimentStatus;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The last submitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"name": "alice", "source": "api"})))]
pub struct LastAuthor {
    /// A GitHub user, or the submitter's label.
    pub name: String,
    /// `github` or `api`.
    pub source: String,
}

/// An experiment and the counts of its trials.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "id": "9f8e7d6c", "name": "swift-otter-x1y2", "is_public": false, "task_count": 2, "total_trials": 6, "completed_trials": 5,
    "failed_trials": 1, "active_trials": 0, "reward_success": 3, "reward_total": 5, "reward_sum": 3.5, "reward_unconfirmed": 0, "cost_usd": 1.25,
    "analysis_tasks": 0, "verdict_good": 0, "verdict_needs_review": 0, "verdict_failed": 0, "verdict_pending": 0,
    "created_at": "2026-04-09T09:58:00Z", "last_created_at": "2026-04-09T10:07:02Z",
    "last_author": {"name": "alice", "source": "api"}, "last_pr_url": null, "last_pr_title": null, "last_pr_number": null,
    "data_version": "5d41402abc4b2a76b9719d911017c592"})))]
pub struct ExperimentResponse {
    /// Id.
    pub id: String,
    /// Name; not unique.
    pub name: String,
    /// Whether it is shared.
    pub is_public: bool,
    /// Tasks with trials in it.
    pub task_count: i64,
    /// Its trials.
    pub total_trials: i64,
    /// Those with status `success`.
    pub completed_trials: i64,
    /// Those with status `failed`.
    pub failed_trials: i64,
    /// Those that have not ended.
    pub active_trials: i64,
    /// Those with a reward of exactly 1.
    pub reward_success: i64,
    /// Those with a reward.
    pub reward_total: i64,
    /// Sum of the rewards.
    pub reward_sum: f64,
    /// Those that failed with a reward that does not count (`unconfirmed_reward`); the three before leave it out.
    #[serde(default)]
    pub reward_unconfirmed: i64,
    /// Cost of the trials in US dollars, as reported by the agents.
    pub cost_usd: f64,
    /// Tasks whose trials are analysed.
    pub analysis_tasks: i64,
    /// Those of them with a good verdict.
    pub verdict_good: i64,
    /// Those whose verdict asks for a review.
    pub verdict_needs_review: i64,
    /// Those whose verdict failed.
    pub verdict_failed: i64,
    /// Those that have none yet.
    pub verdict_pending: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When a trial was last created or ended in it.
    #[serde(with = "time::serde::rfc3339")]
    pub last_created_at: OffsetDateTime,
    /// Submitter of its newest task.
    pub last_author: Option<LastAuthor>,
    /// Address of the pull request that the newest task belongs to, as reported by the client.
    pub last_pr_url: Option<String>,
    /// Its title.
    pub last_pr_title: Option<String>,
    /// Its number.
    pub last_pr_number: Option<i64>,
    /// Version of its trials. Equal versions mean that no trial was added, changed or deleted between. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_version: Option<String>,
}

/// `GET /experiments`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"items": [], "next_cursor": null, "limit": 100, "total": null})))]
pub struct ListExperimentsResponse {
    /// The experiments of this page.
    pub items: Vec<ExperimentResponse>,
    /// `cursor` of the next page, if there is one.
    pub next_cursor: Option<String>,
    /// Most experiments of a page.
    pub limit: i64,
    /// Number of matching experiments, if `total` was requested.
    pub total: Option<i64>,
}

/// `GET /experiments`: which experiments.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct ListExperimentsQuery {
    /// Only experiments with this in their name or in a submitter's, whatever the case, or of this id.
    pub query: Option<String>,
    /// Only experiments in this state.
    #[cfg_attr(feature = "openapi", param(inline))]
    pub status: Option<ExperimentStatus>,
    /// Only experiments with a task that this user submitted.
    pub user: Option<String>,
    /// `created_at`, or `active_at` for when something last happened. A `-` before it puts the newest first.
    #[cfg_attr(feature = "openapi", param(example = "-created_at", pattern = "^-?(created_at|active_at)$"))]
    pub sort: Option<String>,
    /// Experiments at the most.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: i64,
    /// Experiments to skip.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 1_000_000))]
    pub offset: Option<i64>,
    /// Where to go on: the `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Whether to count all experiments that fit.
    pub total: bool,
}

impl Default for ListExperimentsQuery {
    fn default() -> Self {
        Self { query: None, status: None, user: None, sort: None, limit: 100, offset: None, cursor: None, total: false }
    }
}

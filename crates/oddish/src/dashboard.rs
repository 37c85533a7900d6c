//! What goes on as a whole.

use std::collections::BTreeMap;

use oddish_api_types::{
    DashboardResponse, ExperimentStatus, GetDashboardQuery, ModelUsageResponse, Pipeline, QueueStatistics,
};
use oddish_db::Db;
use oddish_db::dashboard::{self, ModelUsage, QueueCounts};
use oddish_db::experiment_summaries::{self, ExperimentFilter, ExperimentSort};
use oddish_db::paging::{Listed, Page};
use oddish_db::tasks::{self, TaskFilter};
use serde::Deserialize as _;
use serde::de::{IntoDeserializer, value};
use time::{Duration, OffsetDateTime};

use crate::paging::{self, Wanted};
use crate::tasks::present::present_task;
use crate::{Error, experiments};

/// Tells what goes on: queues, stages, what models used, the newest tasks and the last active experiments.
pub async fn get(db: &Db, query: GetDashboardQuery, now: OffsetDateTime) -> Result<DashboardResponse, Error> {
    let tasks_page = page("tasks", query.tasks_limit, 500, query.tasks_offset)?;
    let experiments_page = page("experiments", query.experiments_limit, 100, query.experiments_offset)?;
    let since = query.usage_minutes.map(|minutes| since(minutes, now)).transpose()?;

    // At once, as far as there are connections.
    let stages = async {
        if !query.include_tasks && !query.include_experiments {
            return Ok((BTreeMap::new(), Pipeline::default()));
        }
        let (queues, judgements) = tokio::try_join!(dashboard::queues(db), dashboard::judgements(db))?;
        let pipeline =
            Pipeline { trials: by_status(&queues), analyses: judgements.analyses, verdicts: judgements.verdicts };
        Ok((queues.into_iter().map(statistics).collect(), pipeline))
    };
    let usage = async { if query.include_usage { dashboard::usage(db, since).await } else { Ok(Vec::new()) } };
    let tasks = async {
        if query.include_tasks { tasks::list(db, &TaskFilter::default(), &tasks_page).await } else { Ok(none()) }
    };
    let filter = ExperimentFilter {
        query: query.experiments_query.filter(|text| !text.is_empty()),
        state: query.experiments_status.as_deref().and_then(state),
        ..ExperimentFilter::default()
    };
    let experiments = async {
        if !query.include_experiments {
            return Ok(none());
        }
        experiment_summaries::list(db, &filter, ExperimentSort::Active, &experiments_page).await
    };
    let ((queues, pipeline), usage, tasks, experiments) = tokio::try_join!(stages, usage, tasks, experiments)?;
    Ok(DashboardResponse {
        queues,
        pipeline,
        model_usage: usage.into_iter().map(model_usage).collect(),
        has_more: tasks.next.is_some(),
        tasks: tasks.items.into_iter().map(|task| present_task(task, None)).collect(),
        tasks_limit: query.tasks_limit,
        tasks_offset: query.tasks_offset,
        experiments_has_more: experiments.next.is_some(),
        experiments: experiments.items.into_iter().map(experiments::present).collect(),
        experiments_limit: query.experiments_limit,
        experiments_offset: query.experiments_offset,
        cached: false,
    })
}

fn page(what: &str, limit: i64, max_limit: i64, offset: i64) -> Result<Page, Error> {
    let wanted = Wanted { limit, max_limit, offset: Some(offset), cursor: None, sort: None };
    paging::choose_of(what, wanted, &[("", ())]).map(|chosen| chosen.page)
}

fn since(minutes: i64, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    if !(1..=86400).contains(&minutes) {
        return Err(Error::invalid("usage_minutes", "usage_minutes must be from 1 to 86400"));
    }
    Ok(now - Duration::minutes(minutes))
}

fn none<T>() -> Listed<T> {
    Listed { items: Vec::new(), next: None }
}

/// Other words than those of states mean every experiment (docs/compatibility.md, 1.7).
fn state(status: &str) -> Option<ExperimentStatus> {
    ExperimentStatus::deserialize(IntoDeserializer::<value::Error>::into_deserializer(status)).ok()
}

fn statistics(counts: QueueCounts) -> (String, QueueStatistics) {
    let statistics = QueueStatistics {
        pending: 0,
        queued: counts.queued,
        running: counts.running,
        success: counts.succeeded,
        failed: counts.failed,
        retrying: counts.retrying,
        recommended_concurrency: counts.limit,
    };
    (counts.queue_key, statistics)
}

/// Trials of all keys by status, without those that no trial has.
fn by_status(queues: &[QueueCounts]) -> BTreeMap<String, i64> {
    let sum = |count: fn(&QueueCounts) -> i64| queues.iter().map(count).sum::<i64>();
    let counts = [
        ("queued", sum(|queue| queue.queued)),
        ("running", sum(|queue| queue.running)),
        ("retrying", sum(|queue| queue.retrying)),
        ("success", sum(|queue| queue.succeeded)),
        ("failed", sum(|queue| queue.failed)),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(status, count)| (status.to_owned(), count)).collect()
}

fn model_usage(usage: ModelUsage) -> ModelUsageResponse {
    #[expect(clippy::cast_precision_loss, reason = "an average of far fewer trials than this loses precision from")]
    let average = (usage.timed > 0).then(|| usage.duration_sec / usage.timed as f64);
    let active = usage.trials - usage.succeeded - usage.failed;
    ModelUsageResponse {
        queued: (active - usage.running - usage.retrying).max(0),
        model: usage.model,
        provider: usage.provider,
        trial_count: usage.trials,
        input_tokens: usage.input_tokens,
        cache_tokens: usage.cache_tokens,
        output_tokens: usage.output_tokens,
        cost_usd: usage.cost_usd,
        running: usage.running,
        retrying: usage.retrying,
        succeeded: usage.succeeded,
        failed: usage.failed,
        avg_duration_s: average,
    }
}

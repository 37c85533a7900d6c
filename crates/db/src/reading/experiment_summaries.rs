//! Experiments with the counts of their trials, for lists and the dashboard.

use oddish_domain::experiment::ExperimentStatus;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use crate::error::Doing;
use crate::paging::{Conditions, Listed, Page, Position, from_micros, micros, push_order};
use crate::tallies::{Tally, sums};
use crate::{Db, DbError};

/// An experiment and its counts.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ExperimentSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is shared.
    pub is_public: bool,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// Tasks with trials in it.
    pub task_count: i64,
    /// What came of its trials.
    #[sqlx(flatten)]
    pub tally: Tally,
    /// What they cost, as far as the agents told, in US dollars.
    pub cost_usd: f64,
    /// Tasks that are judged.
    pub judged: i64,
    /// Those of them with a good verdict.
    pub verdict_good: i64,
    /// Those with one that asks for a review.
    pub verdict_needs_review: i64,
    /// Those whose verdict failed.
    pub verdict_failed: i64,
    /// Those that have none yet.
    pub verdict_pending: i64,
    /// When a trial was last created or ended in it.
    pub active_at: OffsetDateTime,
    /// Who submitted its newest task.
    pub last_submitted_by: Option<String>,
    /// Labels of that task.
    pub last_tags: Option<Value>,
}

/// Which experiments to list.
#[derive(Clone, Debug, Default)]
pub struct ExperimentFilter {
    /// Only this one.
    pub id: Option<String>,
    /// Only those whose id begins so.
    pub id_prefix: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
    /// Only those whose name or submitter contains this, whatever the case, or whose id it is.
    pub query: Option<String>,
    /// Only those with a task of this submitter.
    pub submitted_by: Option<String>,
    /// Only those in this state.
    pub state: Option<ExperimentStatus>,
}

/// What experiments are listed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExperimentSort {
    /// When they were created.
    #[default]
    Created,
    /// When something last happened in them.
    Active,
}

/// Experiments with their counts. Laterals are worked out for as many experiments as the order needs: a page of the newest looks at that page
/// only, one of the most active at all tallies.
const FROM: &str = concat!(
    "from oddish.experiments e
    cross join lateral (
        select count(distinct task_id) as task_count, ",
    sums!(),
    ", coalesce(sum(cost_usd), 0)::float8 as cost_usd, greatest(e.created_at, max(newest_at)) as active_at
        from oddish.trial_tallies where experiment_id = e.id) y
    cross join lateral (
        select count(*) as judged, count(*) filter (where verdict ->> 'is_good' = 'true') as verdict_good,
            count(*) filter (where verdict ->> 'is_good' = 'false') as verdict_needs_review,
            count(*) filter (where verdict_status = 'failed') as verdict_failed,
            count(*) filter (where coalesce(verdict_status not in ('success', 'failed'), true)) as verdict_pending
        from oddish.tasks where experiment_id = e.id and analysis_key is not null) j"
);

/// A pattern that finds the text itself anywhere, whatever is in it.
fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &ExperimentFilter) {
    let mut conditions = Conditions::of(query);
    conditions.and().push("true");
    if let Some(id) = &filter.id {
        conditions.and().push("e.id = ").push_bind(id.clone());
    }
    if let Some(prefix) = &filter.id_prefix {
        conditions.and().push("starts_with(e.id, ").push_bind(prefix.clone()).push(")");
    }
    if let Some(name) = &filter.name {
        conditions.and().push("e.name = ").push_bind(name.clone());
    }
    if let Some(text) = &filter.query {
        conditions
            .and()
            .push("(e.name ilike ")
            .push_bind(containing(text))
            .push(" or e.id = ")
            .push_bind(text.clone())
            .push(" or exists (select from oddish.tasks t where t.experiment_id = e.id and (t.submitted_by ilike ")
            .push_bind(containing(text))
            .push(" or t.tags ->> 'github_username' ilike ")
            .push_bind(containing(text))
            .push(")))");
    }
    if let Some(user) = &filter.submitted_by {
        conditions
            .and()
            .push("exists (select from oddish.tasks t where t.experiment_id = e.id and t.submitted_by = ")
            .push_bind(user.clone())
            .push(")");
    }
    if let Some(state) = filter.state {
        conditions.and().push(match state {
            ExperimentStatus::Active => "y.total > y.succeeded + y.failed",
            ExperimentStatus::Completed => "y.total = y.succeeded + y.failed",
            ExperimentStatus::Failed => "(y.failed > 0 or j.verdict_failed > 0)",
            ExperimentStatus::NeedsReview => "j.verdict_needs_review > 0",
            ExperimentStatus::PendingVerdict => "j.verdict_pending > 0",
        });
    }
}

/// Lists experiments.
pub async fn list(
    db: &Db,
    filter: &ExperimentFilter,
    sort: ExperimentSort,
    page: &Page,
) -> Result<Listed<ExperimentSummary>, DbError> {
    let by = match sort {
        ExperimentSort::Created => "e.created_at",
        ExperimentSort::Active => "y.active_at",
    };
    let mut query = QueryBuilder::new(format!(
        "select x.*, last.submitted_by as last_submitted_by, last.tags as last_tags
        from (select e.id, e.name, e.is_public, e.created_at, y.*, j.* {FROM}"
    ));
    push_filter(&mut query, filter);
    if let Some(after) = &page.after {
        query
            .push(format!(" and ({by}, e.id) {} (", if page.descending { "<" } else { ">" }))
            .push_bind(from_micros(after.value))
            .push(", ")
            .push_bind(after.id.clone())
            .push(")");
    }
    push_order(&mut query, by, "e.id", page);
    query.push(
        ") x left join lateral (
            select submitted_by, tags from oddish.tasks where experiment_id = x.id order by created_at desc limit 1) last on true",
    );
    // A join keeps no order.
    let column = by.replace("e.", "x.").replace("y.", "x.");
    let direction = if page.descending { "desc" } else { "asc" };
    query.push(format!(" order by {column} {direction}, x.id {direction}"));
    let experiments: Vec<ExperimentSummary> = query.build_query_as().fetch_all(db).await.doing("list experiments")?;
    Ok(Listed::of(experiments, page.limit, |experiment| Position {
        value: micros(match sort {
            ExperimentSort::Created => experiment.created_at,
            ExperimentSort::Active => experiment.active_at,
        }),
        id: experiment.id.clone(),
    }))
}

/// How many experiments a list has.
pub async fn count(db: &Db, filter: &ExperimentFilter) -> Result<i64, DbError> {
    // What is counted by needs no counts, unless the filter asks for them.
    let from = if filter.state.is_some() { FROM } else { "from oddish.experiments e" };
    let mut query = QueryBuilder::new(format!("select count(*) {from}"));
    push_filter(&mut query, filter);
    query.build_query_scalar().fetch_one(db).await.doing("count experiments")
}

/// One experiment.
pub async fn get(db: &Db, id: &str) -> Result<Option<ExperimentSummary>, DbError> {
    let filter = ExperimentFilter { id: Some(id.to_owned()), ..ExperimentFilter::default() };
    Ok(list(db, &filter, ExperimentSort::Created, &Page::first(1)).await?.items.pop())
}

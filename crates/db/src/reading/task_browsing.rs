//! Tasks by name, as people look through them: of those that share a name, the one with the newest version stands for all.

use serde_json::Value;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::tallies::{Tally, sums};
use crate::{Db, DbError};

/// A task by its name, with what its current version's trials came to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BrowsedTask {
    /// Id of the task that stands for the name.
    pub id: String,
    /// The name.
    pub name: String,
    /// Its newest version.
    pub current_version: i32,
    /// How many versions it has.
    pub version_count: i64,
    /// What came of that version's trials.
    #[sqlx(flatten)]
    pub tally: Tally,
    /// When a trial of it was last created or ended.
    pub last_run_at: Option<OffsetDateTime>,
    /// The newest of those trials: `id`, `index`, `status`, `reward`, `error_message`.
    pub latest_trials: Value,
    /// The experiments of all its trials: `id` and `name`.
    pub experiments: Value,
}

/// Trials that are shown of each.
const LATEST: i64 = 100;
/// Experiments that are shown of each.
const EXPERIMENTS: i64 = 100;

/// Lists tasks by name, the last run first. `query` is looked for in the names, whatever the case.
pub async fn browse(db: &Db, query: Option<&str>, limit: i64, offset: i64) -> Result<Vec<BrowsedTask>, DbError> {
    // A version without trials has its sums too: a tally of zeros, and no time of a run.
    sqlx::query_as(concat!(
        "with named as (
            select distinct on (k.name) k.id, k.name, v.version as current_version, v.version_count
            from oddish.tasks k
            cross join lateral (
                select max(version) as version, count(*) as version_count from oddish.task_versions where task_id = k.id) v
            where k.submitted_by is not null and v.version is not null and ($1::text is null or strpos(lower(k.name), lower($1)) > 0)
            order by k.name, v.version desc, k.created_at desc, k.id),
        page as (
            select n.*, y.*
            from named n
            cross join lateral (
                select ",
        sums!(),
        ", max(newest_at) as last_run_at
                from oddish.trial_tallies where task_id = n.id and task_version = n.current_version) y
            order by y.last_run_at desc nulls last, n.current_version desc, n.name
            limit $2 offset $3)
        select p.*, coalesce(t.latest, '[]') as latest_trials, coalesce(e.experiments, '[]') as experiments
        from page p
        left join lateral (
            select jsonb_agg(jsonb_build_object('id', x.id, 'index', x.trial_index, 'status', x.status, 'reward', x.reward,
                'error_message', x.error_message) order by x.trial_index desc) as latest
            from (select * from oddish.trials where task_id = p.id and task_version = p.current_version
                order by trial_index desc limit $4) x) t on true
        left join lateral (
            select jsonb_agg(jsonb_build_object('id', x.id, 'name', x.name) order by x.created_at desc, x.id) as experiments
            from (select e.id, e.name, e.created_at from oddish.experiments e
                where e.id in (select experiment_id from oddish.trial_tallies where task_id = p.id)
                order by e.created_at desc, e.id limit $5) x) e on true
        order by p.last_run_at desc nulls last, p.current_version desc, p.name"
    ))
    .bind(query)
    .bind(limit)
    .bind(offset)
    .bind(LATEST)
    .bind(EXPERIMENTS)
    .fetch_all(db)
    .await
    .doing("browse tasks")
}

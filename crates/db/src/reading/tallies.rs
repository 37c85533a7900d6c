//! Counts and sums over trials that are alike, kept with them (`oddish.trial_tallies`).
//!
//! The caller holds the row of the task, so that each change is counted once and no other transaction counts meanwhile. What happens
//! to every trial is added up; what is rare counts the task again.

use crate::error::Doing;
use crate::{DbError, Tx};

/// What came of trials, over all rows of `oddish.trial_tallies` that a query looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct Tally {
    /// The trials.
    pub total: i64,
    /// Those that succeeded.
    pub succeeded: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those with a reward.
    pub rewarded: i64,
    /// Those with a reward of exactly 1.
    pub reward_ones: i64,
    /// Sum of the rewards.
    pub reward_sum: f64,
    /// Those that failed with a reward that does not count.
    pub unconfirmed: i64,
}

impl Tally {
    /// Those that have not ended.
    #[must_use]
    pub fn active(&self) -> i64 {
        self.total - self.succeeded - self.failed
    }
}

/// The columns of a [`Tally`], as a literal, to be `concat!`-ed into a query.
macro_rules! sums {
    () => {
        "coalesce(sum(total), 0)::bigint as total, coalesce(sum(succeeded), 0)::bigint as succeeded,
        coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(rewarded), 0)::bigint as rewarded,
        coalesce(sum(reward_ones), 0)::bigint as reward_ones, coalesce(sum(reward_sum), 0)::float8 as reward_sum,
        coalesce(sum(unconfirmed), 0)::bigint as unconfirmed"
    };
}
pub(crate) use sums;

/// Trials were created.
pub(crate) async fn created(tx: &mut Tx, trial_ids: &[String]) -> Result<(), DbError> {
    sqlx::query!(
        "insert into oddish.trial_tallies as y (task_id, task_version, experiment_id, queue_key, provider, agent, model, total, newest_at)
        select task_id, task_version, experiment_id, queue_key, provider, agent, model, count(*), max(created_at)
        from oddish.trials where id = any($1)
        group by task_id, task_version, experiment_id, queue_key, provider, agent, model
        on conflict on constraint trial_tallies_one_of_a_kind do update
            set total = y.total + excluded.total, newest_at = greatest(y.newest_at, excluded.newest_at)",
        trial_ids
    )
    .execute(&mut *tx)
    .await
    .done("count new trials")
}

/// Trials have ended.
pub(crate) async fn ended(tx: &mut Tx, trial_ids: &[String]) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.trial_tallies y
        set succeeded = y.succeeded + e.succeeded, failed = y.failed + e.failed, rewarded = y.rewarded + e.rewarded,
            reward_ones = y.reward_ones + e.reward_ones, reward_sum = y.reward_sum + e.reward_sum,
            unconfirmed = y.unconfirmed + e.unconfirmed,
            input_tokens = y.input_tokens + e.input_tokens, cache_tokens = y.cache_tokens + e.cache_tokens,
            output_tokens = y.output_tokens + e.output_tokens, cost_usd = y.cost_usd + e.cost_usd, timed = y.timed + e.timed,
            duration_sec = y.duration_sec + e.duration_sec, newest_at = greatest(y.newest_at, e.newest_at)
        from (
            select task_id, task_version, experiment_id, queue_key, provider, agent, model,
                count(*) filter (where status = 'success') as succeeded, count(*) filter (where status = 'failed') as failed,
                count(reward) as rewarded, count(*) filter (where reward = 1) as reward_ones, coalesce(sum(reward), 0) as reward_sum,
                count(unconfirmed_reward) as unconfirmed,
                coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(cache_tokens), 0) as cache_tokens,
                coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cost_usd), 0) as cost_usd,
                count(finished_at - started_at) as timed,
                coalesce(sum(extract(epoch from finished_at - started_at)), 0) as duration_sec, max(finished_at) as newest_at
            from oddish.trials where id = any($1) and status in ('success', 'failed')
            group by task_id, task_version, experiment_id, queue_key, provider, agent, model) e
        where (y.task_id, y.task_version, y.experiment_id, y.queue_key, y.provider, y.agent)
                = (e.task_id, e.task_version, e.experiment_id, e.queue_key, e.provider, e.agent)
            and y.model is not distinct from e.model",
        trial_ids
    )
    .execute(&mut *tx)
    .await
    .done("count trials that ended")
}

/// Something else became of trials of these tasks: they run again, or are gone.
pub(crate) async fn recount(tx: &mut Tx, task_ids: &[String]) -> Result<(), DbError> {
    let doing = "count the trials of tasks";
    sqlx::query!("delete from oddish.trial_tallies where task_id = any($1)", task_ids)
        .execute(&mut *tx)
        .await
        .doing(doing)?;
    sqlx::query!(
        "insert into oddish.trial_tallies (task_id, task_version, experiment_id, queue_key, provider, agent, model, total, newest_at)
        select task_id, task_version, experiment_id, queue_key, provider, agent, model, count(*), max(created_at)
        from oddish.trials where task_id = any($1)
        group by task_id, task_version, experiment_id, queue_key, provider, agent, model",
        task_ids
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    let over = sqlx::query_scalar!(
        "select id from oddish.trials where task_id = any($1) and status in ('success', 'failed')",
        task_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    ended(tx, &over).await
}

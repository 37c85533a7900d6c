//! The dashboard: queues, stages of the pipeline, usage of each model.

use std::collections::BTreeMap;

use oddish_domain::queue_key::normal_form;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::{Db, DbError};

/// Trials of one queue key by where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueCounts {
    /// The key.
    pub queue_key: String,
    /// How many may run at once.
    pub limit: i32,
    /// They wait for a slot, or have just been given one.
    pub queued: i64,
    /// They wait for the time of their next try.
    pub retrying: i64,
    /// They run.
    pub running: i64,
    /// They succeeded.
    pub succeeded: i64,
    /// They failed.
    pub failed: i64,
}

/// The queue keys by name, with all trials that ever were under them.
pub async fn queues(db: &Db) -> Result<Vec<QueueCounts>, DbError> {
    sqlx::query_as!(
        QueueCounts,
        r#"select k.queue_key, k.concurrency_limit as "limit", coalesce(j.queued, 0) as "queued!",
            coalesce(j.retrying, 0) as "retrying!", coalesce(j.running, 0) as "running!",
            coalesce(y.succeeded, 0)::bigint as "succeeded!", coalesce(y.failed, 0)::bigint as "failed!"
        from oddish.queue_keys k
        left join (
            select queue_key, sum(succeeded) as succeeded, sum(failed) as failed from oddish.trial_tallies group by queue_key) y
            using (queue_key)
        left join (
            select queue_key, count(*) filter (where state in ('ready', 'claimed')) as queued,
                count(*) filter (where state = 'waiting') as retrying, count(*) filter (where state = 'begun') as running
            from oddish.jobs where kind = 'trial' group by queue_key) j using (queue_key)
        order by k.queue_key"#
    )
    .fetch_all(db)
    .await
    .doing("count trials by queue key")
}

/// Analyses and verdicts by status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgements {
    /// Status to number of analyses.
    pub analyses: BTreeMap<String, i64>,
    /// Status to number of verdicts.
    pub verdicts: BTreeMap<String, i64>,
}

/// Counts analyses and verdicts.
pub async fn judgements(db: &Db) -> Result<Judgements, DbError> {
    let rows = sqlx::query!(
        r#"select 'analysis' as "kind!", analysis_status as "status!", count(*) as "count!" from oddish.trials
        where analysis_status is not null group by analysis_status
        union all
        select 'verdict', verdict_status, count(*) from oddish.tasks
        where analysis_key is not null and verdict_status is not null group by verdict_status"#
    )
    .fetch_all(db)
    .await
    .doing("count analyses and verdicts")?;
    let mut judgements = Judgements::default();
    for row in rows {
        let counts = if row.kind == "analysis" { &mut judgements.analyses } else { &mut judgements.verdicts };
        counts.insert(row.status, row.count);
    }
    Ok(judgements)
}

/// What one model has used.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelUsage {
    /// The model in the spelling that most of the trials have; `default` for agents without one, `unknown` where none was named.
    pub model: String,
    /// Provider bucket.
    pub provider: String,
    /// Trials.
    pub trials: i64,
    /// Those that run.
    pub running: i64,
    /// Those that wait for their next try.
    pub retrying: i64,
    /// Those that succeeded.
    pub succeeded: i64,
    /// Those that failed.
    pub failed: i64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Of those from the cache.
    pub cache_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Cost in US dollars.
    pub cost_usd: f64,
    /// Trials whose time is known.
    pub timed: i64,
    /// Seconds that those took together.
    pub duration_sec: f64,
}

/// What each model has used since ever, or by trials that were created since a time; the most used first. All spellings of a name are one
/// model.
pub async fn usage(db: &Db, since: Option<OffsetDateTime>) -> Result<Vec<ModelUsage>, DbError> {
    match since {
        None => usage_ever(db).await,
        Some(since) => usage_since(db, since).await,
    }
    .map(together)
    .doing("add up what models used")
}

/// Adds up what differs in the spelling of the model alone. The rows come with the most used first.
fn together(spellings: Vec<ModelUsage>) -> Vec<ModelUsage> {
    let mut models: Vec<ModelUsage> = Vec::with_capacity(spellings.len());
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for spelling in spellings {
        let place = *places.entry((normal_form(&spelling.model), spelling.provider.clone())).or_insert(models.len());
        match models.get_mut(place) {
            Some(model) => model.add(&spelling),
            None => models.push(spelling),
        }
    }
    models.sort_by(|a, b| b.trials.cmp(&a.trials).then_with(|| (&a.model, &a.provider).cmp(&(&b.model, &b.provider))));
    models
}

impl ModelUsage {
    fn add(&mut self, other: &Self) {
        self.trials += other.trials;
        self.running += other.running;
        self.retrying += other.retrying;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.input_tokens += other.input_tokens;
        self.cache_tokens += other.cache_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_usd += other.cost_usd;
        self.timed += other.timed;
        self.duration_sec += other.duration_sec;
    }
}

async fn usage_ever(db: &Db) -> Result<Vec<ModelUsage>, sqlx::Error> {
    sqlx::query_as!(
        ModelUsage,
        r#"with used as (
            select coalesce(model, case when agent in ('nop', 'oracle') then 'default' else 'unknown' end) as model, provider,
                sum(total)::bigint as trials, sum(succeeded)::bigint as succeeded, sum(failed)::bigint as failed,
                sum(input_tokens)::bigint as input_tokens, sum(cache_tokens)::bigint as cache_tokens,
                sum(output_tokens)::bigint as output_tokens, sum(cost_usd) as cost_usd, sum(timed)::bigint as timed,
                sum(duration_sec) as duration_sec
            from oddish.trial_tallies group by 1, 2),
        live as (
            select coalesce(t.model, case when t.agent in ('nop', 'oracle') then 'default' else 'unknown' end) as model, t.provider,
                count(*) filter (where j.state = 'begun') as running, count(*) filter (where j.state = 'waiting') as retrying
            from oddish.jobs j join oddish.trials t on t.id = j.trial_id
            where j.kind = 'trial' and j.state in ('begun', 'waiting') group by 1, 2)
        select u.model as "model!", u.provider as "provider!", u.trials as "trials!", coalesce(l.running, 0) as "running!",
            coalesce(l.retrying, 0) as "retrying!", u.succeeded as "succeeded!", u.failed as "failed!", u.input_tokens as "input_tokens!",
            u.cache_tokens as "cache_tokens!", u.output_tokens as "output_tokens!", u.cost_usd as "cost_usd!", u.timed as "timed!",
            u.duration_sec as "duration_sec!"
        from used u left join live l using (model, provider) order by u.trials desc, u.model, u.provider"#
    )
    .fetch_all(db)
    .await
}

async fn usage_since(db: &Db, since: OffsetDateTime) -> Result<Vec<ModelUsage>, sqlx::Error> {
    sqlx::query_as!(
        ModelUsage,
        r#"select coalesce(model, case when agent in ('nop', 'oracle') then 'default' else 'unknown' end) as "model!",
            provider as "provider!", count(*) as "trials!", count(*) filter (where status = 'running') as "running!",
            count(*) filter (where status = 'retrying') as "retrying!", count(*) filter (where status = 'success') as "succeeded!",
            count(*) filter (where status = 'failed') as "failed!", coalesce(sum(input_tokens), 0)::bigint as "input_tokens!",
            coalesce(sum(cache_tokens), 0)::bigint as "cache_tokens!", coalesce(sum(output_tokens), 0)::bigint as "output_tokens!",
            coalesce(sum(cost_usd), 0) as "cost_usd!", count(finished_at - started_at) as "timed!",
            coalesce(sum(extract(epoch from finished_at - started_at)), 0)::float8 as "duration_sec!"
        from oddish.trials where created_at >= $1
        group by 1, provider order by 3 desc, 1, 2"#,
        since
    )
    .fetch_all(db)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(model: &str, provider: &str, trials: i64) -> ModelUsage {
        ModelUsage {
            model: model.to_owned(),
            provider: provider.to_owned(),
            trials,
            running: 1,
            retrying: 2,
            succeeded: 3,
            failed: 4,
            input_tokens: 5,
            cache_tokens: 6,
            output_tokens: 7,
            cost_usd: 8.0,
            timed: 9,
            duration_sec: 10.0,
        }
    }

    #[test]
    fn spellings_of_a_name_are_one_model() {
        let models = together(vec![
            usage("grok-4", "default", 9),
            usage("azure/My GPT", "openai", 7),
            usage("azure/my-gpt", "openai", 5),
            usage("azure/my-gpt", "claude", 4),
        ]);
        let shown: Vec<_> = models.iter().map(|model| (&*model.model, &*model.provider, model.trials)).collect();
        let expected = [("azure/My GPT", "openai", 12), ("grok-4", "default", 9), ("azure/my-gpt", "claude", 4)];
        assert_eq!(shown, expected);
        let both = ModelUsage { running: 2, retrying: 4, succeeded: 6, failed: 8, ..models[0].clone() };
        let both = ModelUsage { input_tokens: 10, cache_tokens: 12, output_tokens: 14, cost_usd: 16.0, ..both };
        assert_eq!(models[0], ModelUsage { timed: 18, duration_sec: 20.0, ..both });
    }
}

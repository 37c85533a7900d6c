//! Trials as the endpoints read them.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::{TrialOrigin, TrialStatus};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use crate::error::Doing;
use crate::paging::{Conditions, Listed, Page, Position, from_micros, micros, push_order};
use crate::word::Word;
use crate::{Db, DbError};

use super::model_spelling;

/// A trial.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(
    missing_docs,
    reason = "the columns are described in the migrations and, as fields on the wire, in oddish-api-types"
)]
pub struct Trial {
    pub id: String,
    pub task_id: String,
    pub task_name: String,
    pub task_version: i32,
    pub trial_index: i32,
    pub experiment_id: String,
    pub agent: String,
    pub model: Option<String>,
    pub provider: String,
    pub queue_key: String,
    #[sqlx(try_from = "Word<TrialOrigin>")]
    pub origin: TrialOrigin,
    #[sqlx(try_from = "Word<TrialStatus>")]
    pub status: TrialStatus,
    pub attempts: i32,
    pub max_attempts: i32,
    pub harbor_stage: Option<String>,
    pub artifact_prefix: Option<String>,
    pub reward: Option<f64>,
    pub rewards: Option<Value>,
    pub unconfirmed_reward: Option<f64>,
    pub error_type: Option<String>,
    pub error_message: Option<String>,
    #[sqlx(try_from = "Word<Option<FailureClass>>")]
    pub error_class: Option<FailureClass>,
    pub cancel_requested_at: Option<OffsetDateTime>,
    pub input_tokens: Option<i64>,
    pub cache_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub phase_timing: Option<Value>,
    pub has_trajectory: bool,
    pub omitted_files: Option<Value>,
    pub files_incomplete: bool,
    #[sqlx(try_from = "Word<Option<TrialStatus>>")]
    pub analysis_status: Option<TrialStatus>,
    pub analysis: Option<Value>,
    pub analysis_error: Option<String>,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub finished_at: Option<OffsetDateTime>,
}

/// The columns of [`Trial`], of a trial `t` of a task `k`.
pub(super) const COLUMNS: &str = "t.id, t.task_id, k.name as task_name, t.task_version, t.trial_index, t.experiment_id, t.agent, t.model, t.provider,
    t.queue_key, t.origin, t.status, t.attempts, t.max_attempts, t.harbor_stage, t.artifact_prefix, t.reward, t.rewards, t.unconfirmed_reward, t.error_type,
    t.error_message, t.error_class, t.cancel_requested_at, t.input_tokens, t.cache_tokens, t.output_tokens, t.cost_usd, t.phase_timing,
    t.has_trajectory, t.omitted_files, t.files_incomplete, t.analysis_status, t.analysis, t.analysis_error, t.created_at, t.started_at, t.finished_at";

/// Trials of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfTask {
    /// The task.
    pub task_id: String,
    /// Only those of this version.
    pub version: Option<i32>,
}

/// The trials of these tasks, by task and index; of one experiment only, if one is named.
pub async fn list_of_tasks(db: &Db, tasks: &[OfTask], experiment_id: Option<&str>) -> Result<Vec<Trial>, DbError> {
    let ids: Vec<&str> = tasks.iter().map(|task| task.task_id.as_str()).collect();
    let versions: Vec<Option<i32>> = tasks.iter().map(|task| task.version).collect();
    let mut query = QueryBuilder::new(format!("select {COLUMNS} from unnest("));
    query.push_bind(ids).push("::text[], ").push_bind(versions).push(
        "::int[]) as w (task_id, version) join oddish.tasks k on k.id = w.task_id
        join oddish.trials t on t.task_id = w.task_id and (w.version is null or t.task_version = w.version)",
    );
    if let Some(experiment) = experiment_id {
        query.push(" where t.experiment_id = ").push_bind(experiment);
    }
    query.push(" order by t.task_id, t.trial_index");
    all(db, query).await
}

/// One trial.
pub async fn get(db: &Db, trial_id: &str) -> Result<Option<Trial>, DbError> {
    let mut query = select();
    query.push(" where t.id = ").push_bind(trial_id);
    Ok(all(db, query).await?.pop())
}

fn select() -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!("select {COLUMNS} from oddish.trials t join oddish.tasks k on k.id = t.task_id"))
}

async fn all(db: &Db, mut query: QueryBuilder<Postgres>) -> Result<Vec<Trial>, DbError> {
    query.build_query_as().fetch_all(db).await.doing("read trials")
}

/// Which trials to list.
#[derive(Clone, Debug, Default)]
pub struct TrialFilter {
    /// Only those of this task.
    pub task_id: Option<String>,
    /// Only those of this experiment (id).
    pub experiment_id: Option<String>,
    /// Only those in this state.
    pub status: Option<TrialStatus>,
    /// Only those whose task this user submitted.
    pub submitted_by: Option<String>,
    /// Only those of this agent.
    pub agent: Option<String>,
    /// Only those of the model whose normal form this is (`oddish_domain::queue_key::normal_form`), in any spelling.
    pub model: Option<String>,
    /// Only those under this key's limit.
    pub queue_key: Option<String>,
    /// Only those that ended with an error of this class.
    pub error_class: Option<FailureClass>,
}

/// What trials are listed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrialSort {
    /// When they were submitted.
    #[default]
    Created,
    /// When they ended.
    Finished,
    /// How long their newest attempt took.
    Duration,
    /// Their reward.
    Reward,
    /// What they cost.
    Cost,
}

impl TrialSort {
    /// A number in SQL; what has none comes before all that have.
    fn expression(self) -> &'static str {
        match self {
            Self::Created => "t.created_at",
            Self::Finished => "coalesce((extract(epoch from t.finished_at) * 1000000)::float8, -1)",
            Self::Duration => "coalesce((extract(epoch from t.finished_at - t.started_at) * 1000000)::float8, -1)",
            Self::Reward => "coalesce(t.reward, '-infinity')",
            Self::Cost => "coalesce(t.cost_usd, -1)",
        }
    }

    fn value(self, trial: &Trial) -> f64 {
        match self {
            Self::Created => micros(trial.created_at),
            Self::Finished => trial.finished_at.map_or(-1.0, micros),
            Self::Duration => trial
                .finished_at
                .zip(trial.started_at)
                .map_or(-1.0, |(finished, started)| micros(finished) - micros(started)),
            Self::Reward => trial.reward.unwrap_or(f64::NEG_INFINITY),
            Self::Cost => trial.cost_usd.unwrap_or(-1.0),
        }
    }

    /// Whether a list by it follows an index. Others look at every trial that the filter lets through, so that it should name an experiment
    /// or a task.
    #[must_use]
    pub fn is_indexed(self) -> bool {
        self == Self::Created
    }
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &TrialFilter) {
    let mut conditions = Conditions::of(query);
    conditions.and().push("true");
    let texts = [
        ("t.task_id", &filter.task_id),
        ("t.experiment_id", &filter.experiment_id),
        ("k.submitted_by", &filter.submitted_by),
        ("t.agent", &filter.agent),
        ("t.queue_key", &filter.queue_key),
    ];
    for (column, wanted) in texts {
        if let Some(wanted) = wanted {
            conditions.and().push(column).push(" = ").push_bind(wanted.clone());
        }
    }
    if let Some(model) = &filter.model {
        conditions.and().push(model_spelling::normal_form("t.model")).push(" = ").push_bind(model.clone());
    }
    if let Some(status) = filter.status {
        conditions.and().push("t.status = ").push_bind(status.as_str());
        if !status.is_terminal() {
            // What is still to do is little compared with what was done, and has a table of its own.
            conditions.and().push("t.id in (select trial_id from oddish.jobs where kind = 'trial')");
        }
    }
    if let Some(class) = filter.error_class {
        conditions.and().push("t.error_class = ").push_bind(class.as_str());
    }
}

/// Lists trials.
pub async fn list(db: &Db, filter: &TrialFilter, sort: TrialSort, page: &Page) -> Result<Listed<Trial>, DbError> {
    let mut query = select();
    push_filter(&mut query, filter);
    let by = sort.expression();
    if let Some(after) = &page.after {
        query.push(format!(" and ({by}, t.id) {} (", if page.descending { "<" } else { ">" }));
        if sort == TrialSort::Created {
            query.push_bind(from_micros(after.value));
        } else {
            query.push_bind(after.value);
        }
        query.push(", ").push_bind(after.id.clone()).push(")");
    }
    push_order(&mut query, by, "t.id", page);
    let trials = all(db, query).await?;
    Ok(Listed::of(trials, page.limit, |trial| Position { value: sort.value(trial), id: trial.id.clone() }))
}

/// How many trials a list has.
pub async fn count(db: &Db, filter: &TrialFilter) -> Result<i64, DbError> {
    let mut query = QueryBuilder::new("select count(*) from oddish.trials t");
    if filter.submitted_by.is_some() {
        query.push(" join oddish.tasks k on k.id = t.task_id");
    }
    push_filter(&mut query, filter);
    query.build_query_scalar().fetch_one(db).await.doing("count trials")
}

//! Tasks as the endpoints read them.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::{Priority, TaskStatus, TrialStatus};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use crate::error::Doing;
use crate::paging::{Conditions, Listed, Page, Position, from_micros, micros, push_order};
use crate::tallies::{Tally, sums};
use crate::word::Word;
use crate::{Db, DbError};

use super::model_spelling;

/// A task with its counts: over the trials of the newest version that ran, or over all that an experiment ran.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Task {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Stage.
    #[sqlx(try_from = "Word<TaskStatus>")]
    pub status: TaskStatus,
    /// Priority.
    #[sqlx(try_from = "Word<Priority>")]
    pub priority: Priority,
    /// Who submitted it.
    pub submitted_by: String,
    /// Free labels.
    pub tags: Value,
    /// Experiment, once it has had trials.
    pub experiment_id: Option<String>,
    /// Its name.
    pub experiment_name: Option<String>,
    /// Whether it is shared.
    pub experiment_is_public: bool,
    /// Newest version.
    pub current_version: i32,
    /// The version that is counted, or the newest of them where several are.
    pub counted_version: Option<i32>,
    /// What came of the trials.
    #[sqlx(flatten)]
    pub tally: Tally,
    /// Whether its trials are analysed and it is judged.
    pub judged: bool,
    /// How far its verdict has come.
    #[sqlx(try_from = "Word<Option<TrialStatus>>")]
    pub verdict_status: Option<TrialStatus>,
    /// The verdict.
    pub verdict: Option<Value>,
    /// Why there is none.
    pub verdict_error: Option<String>,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When its first trial began.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only this one.
    pub task_id: Option<String>,
    /// Only those whose id begins so.
    pub id_prefix: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
    /// Only those in this stage.
    pub status: Option<TaskStatus>,
    /// Only those of this submitter.
    pub submitted_by: Option<String>,
    /// Only those of this experiment (id), or with a trial in it. What is counted is then all that it ran, whatever version is newest:
    /// [`counted`](Self::counted) has no say.
    pub experiment_id: Option<String>,
    /// Only those with a trial of this agent.
    pub agent: Option<String>,
    /// Only those with a trial of the model whose normal form this is (`oddish_domain::queue_key::normal_form`), in any spelling.
    pub model: Option<String>,
    /// Only those with a trial that ended with an error of this class.
    pub error_class: Option<FailureClass>,
    /// Which version's trials to count.
    pub counted: Counted,
}

/// Which of a task's trials count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Those of the newest version that has any.
    #[default]
    Newest,
    /// Those of one version.
    Version(i32),
    /// All.
    All,
}

/// What restricts a list of tasks `t`.
fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &TaskFilter) {
    let mut conditions = Conditions::of(query);
    conditions.and().push("t.submitted_by is not null");
    if let Some(id) = &filter.task_id {
        conditions.and().push("t.id = ").push_bind(id.clone());
    }
    if let Some(prefix) = &filter.id_prefix {
        conditions.and().push("starts_with(t.id, ").push_bind(prefix.clone()).push(")");
    }
    if let Some(name) = &filter.name {
        conditions.and().push("t.name = ").push_bind(name.clone());
    }
    if let Some(status) = filter.status {
        conditions.and().push("t.status = ").push_bind(status.as_str());
    }
    if let Some(user) = &filter.submitted_by {
        conditions.and().push("t.submitted_by = ").push_bind(user.clone());
    }
    if let Some(experiment) = &filter.experiment_id {
        conditions
            .and()
            .push("t.id in (select task_id from oddish.trial_tallies where experiment_id = ")
            .push_bind(experiment.clone())
            .push(" union all select id from oddish.tasks where experiment_id = ")
            .push_bind(experiment.clone())
            .push(")");
    }
    if let Some(agent) = &filter.agent {
        conditions
            .and()
            .push("exists (select from oddish.trial_tallies y where y.task_id = t.id and y.agent = ")
            .push_bind(agent.clone())
            .push(")");
    }
    if let Some(model) = &filter.model {
        conditions
            .and()
            .push("exists (select from oddish.trial_tallies y where y.task_id = t.id and ")
            .push(model_spelling::normal_form("y.model"))
            .push(" = ")
            .push_bind(model.clone())
            .push(")");
    }
    if let Some(class) = filter.error_class {
        conditions
            .and()
            .push("t.id in (select task_id from oddish.trials where error_class = ")
            .push_bind(class.as_str())
            .push(")");
    }
}

/// Lists tasks by the time of their creation. One that was only uploaded is not listed.
pub async fn list(db: &Db, filter: &TaskFilter, page: &Page) -> Result<Listed<Task>, DbError> {
    // Of the tasks on the page, and of no others, the version and the counts are looked up.
    let mut query = QueryBuilder::new(
        "select t.id, t.name, t.status, t.priority, t.submitted_by, t.tags, e.id as experiment_id, e.name as experiment_name,
            coalesce(e.is_public, false) as experiment_is_public, v.version as current_version, c.*, t.analysis_key is not null as judged, t.verdict_status,
            t.verdict, t.verdict_error, t.created_at, t.started_at, t.finished_at
        from (select * from oddish.tasks t",
    );
    push_filter(&mut query, filter);
    if let Some(after) = &page.after {
        query
            .push(if page.descending { " and (t.created_at, t.id) < (" } else { " and (t.created_at, t.id) > (" })
            .push_bind(from_micros(after.value))
            .push(", ")
            .push_bind(after.id.clone())
            .push(")");
    }
    push_order(&mut query, "t.created_at", "t.id", page);
    query.push(
        ") t
        left join oddish.experiments e on e.id = t.experiment_id
        cross join lateral (
            select version from oddish.task_versions where task_id = t.id order by version desc limit 1) v
        cross join lateral (
            select max(y.task_version) as counted_version, ",
    );
    query.push(sums!()).push(" from oddish.trial_tallies y where y.task_id = t.id");
    match (&filter.experiment_id, filter.counted) {
        (Some(experiment), _) => {
            query.push(" and y.experiment_id = ").push_bind(experiment.clone());
        }
        (None, Counted::All) => {}
        (None, Counted::Version(version)) => {
            query.push(" and y.task_version = ").push_bind(version);
        }
        (None, Counted::Newest) => {
            query.push(
                " and y.task_version = (select max(n.task_version) from oddish.trial_tallies n where n.task_id = t.id)",
            );
        }
    }
    query.push(if page.descending {
        ") c order by t.created_at desc, t.id desc"
    } else {
        ") c order by t.created_at, t.id"
    });
    let tasks: Vec<Task> = query.build_query_as().fetch_all(db).await.doing("list tasks")?;
    Ok(Listed::of(tasks, page.limit, |task| Position { value: micros(task.created_at), id: task.id.clone() }))
}

/// How many tasks a list has.
pub async fn count(db: &Db, filter: &TaskFilter) -> Result<i64, DbError> {
    let mut query = QueryBuilder::new("select count(*) from oddish.tasks t");
    push_filter(&mut query, filter);
    query.build_query_scalar().fetch_one(db).await.doing("count tasks")
}

/// One task, if it exists and has been submitted or registered.
pub async fn get(db: &Db, task_id: &str, counted: Counted) -> Result<Option<Task>, DbError> {
    let filter = TaskFilter { task_id: Some(task_id.to_owned()), counted, ..TaskFilter::default() };
    Ok(list(db, &filter, &Page::first(1)).await?.items.pop())
}

/// Id of the newest task of a name.
pub async fn newest_of_name(db: &Db, name: &str) -> Result<Option<String>, DbError> {
    sqlx::query_scalar(
        "select id from oddish.tasks where name = $1 and submitted_by is not null order by created_at desc limit 1",
    )
    .bind(name)
    .fetch_optional(db)
    .await
    .doing("look for a task by its name")
}

/// Those of these tasks that exist and have been submitted.
pub async fn existing(db: &Db, task_ids: &[String]) -> Result<Vec<String>, DbError> {
    sqlx::query_scalar!("select id from oddish.tasks where id = any($1) and submitted_by is not null", task_ids)
        .fetch_all(db)
        .await
        .doing("look which tasks exist")
}

/// The tasks of an experiment that have no trial in another one.
pub async fn only_in_experiment(db: &Db, experiment_id: &str) -> Result<Vec<String>, DbError> {
    sqlx::query_scalar!(
        "select k.id from oddish.tasks k where k.experiment_id = $1
            and not exists (select from oddish.trials t where t.task_id = k.id and t.experiment_id <> $1)
        order by k.id",
        experiment_id
    )
    .fetch_all(db)
    .await
    .doing("look for the tasks of an experiment")
}

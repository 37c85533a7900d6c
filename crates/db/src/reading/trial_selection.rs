//! Selects trials by task, experiment, status or class of error.

use oddish_domain::failure::FailureClass;
use oddish_domain::status::TrialStatus;
use sqlx::PgExecutor;

use crate::DbError;
use crate::error::Doing;

/// Trials by where they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One trial.
    Trial(String),
    /// All trials of these tasks.
    Tasks(Vec<String>),
    /// All trials of an experiment.
    Experiment(String),
}

/// Trials of a scope that are in certain states. Empty lists mean any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Where they belong.
    pub scope: Scope,
    /// Statuses.
    pub statuses: Vec<TrialStatus>,
    /// Classes of the error that they ended with.
    pub error_classes: Vec<FailureClass>,
}

impl Selection {
    /// All trials of a scope.
    #[must_use]
    pub fn all(scope: Scope) -> Self {
        Self { scope, statuses: Vec::new(), error_classes: Vec::new() }
    }
}

/// The ids of the selected trials, in order of task and index.
pub async fn ids(executor: impl PgExecutor<'_>, selection: &Selection) -> Result<Vec<String>, DbError> {
    let statuses: Vec<&str> = selection.statuses.iter().map(|status| status.as_str()).collect();
    let classes: Vec<&str> = selection.error_classes.iter().map(|class| class.as_str()).collect();
    // A query for each scope, so that each uses its own index.
    let found = match &selection.scope {
        Scope::Trial(id) => {
            sqlx::query_scalar!(
                "select id from oddish.trials
                where id = $1 and (status = any($2) or cardinality($2) = 0) and (error_class = any($3) or cardinality($3) = 0)",
                id,
                &statuses as &[&str],
                &classes as &[&str]
            )
            .fetch_all(executor)
            .await
        }
        Scope::Tasks(ids) => {
            sqlx::query_scalar!(
                "select id from oddish.trials
                where task_id = any($1) and (status = any($2) or cardinality($2) = 0)
                    and (error_class = any($3) or cardinality($3) = 0)
                order by task_id, trial_index",
                ids,
                &statuses as &[&str],
                &classes as &[&str]
            )
            .fetch_all(executor)
            .await
        }
        Scope::Experiment(id) => {
            sqlx::query_scalar!(
                "select id from oddish.trials
                where experiment_id = $1 and (status = any($2) or cardinality($2) = 0)
                    and (error_class = any($3) or cardinality($3) = 0)
                order by task_id, trial_index",
                id,
                &statuses as &[&str],
                &classes as &[&str]
            )
            .fetch_all(executor)
            .await
        }
    };
    found.doing("select trials")
}

//! The results of experiments and their comparison, by `oddish_domain::statistics` (docs/statistics.md).

mod comparing;
mod present;
mod tallying;

pub use comparing::compare;

use oddish_api_types::{GetResultsQuery, ResultsResponse};
use oddish_db::{Db, trial_outcomes};
use oddish_domain::statistics::{Rules, RulesFault, results};

use crate::{Error, naming};

/// Returns what the trials of an experiment, by id or name, show about each agent and model.
pub async fn get(db: &Db, id_or_name: &str, query: &GetResultsQuery) -> Result<ResultsResponse, Error> {
    let rules = rules(query.pass_threshold, query.coverage_bar)?;
    let experiment = naming::experiment(db, id_or_name).await?;
    let trials = trial_outcomes::alike(db, std::slice::from_ref(&experiment.id)).await?;
    let results = computed(move || results(&tallying::tallies(trials, &rules), &rules)).await?;
    Ok(ResultsResponse {
        experiment_id: experiment.id,
        experiment_name: experiment.name,
        pass_threshold: rules.pass_threshold(),
        coverage_bar: rules.coverage_bar(),
        agents: results.rows.into_iter().map(|row| present::row(row, &rules)).collect(),
    })
}

fn rules(pass_threshold: f64, coverage_bar: f64) -> Result<Rules, Error> {
    Rules::new(pass_threshold, coverage_bar).map_err(|fault| {
        let field = match fault {
            RulesFault::PassThreshold(_) => "pass_threshold",
            RulesFault::CoverageBar(_) => "coverage_bar",
        };
        Error::invalid(field, fault)
    })
}

/// Computes on a thread of its own: thousands of draws of thousands of tasks would hold up other requests.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

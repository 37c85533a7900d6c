//! The results of experiments and their comparison, by `oddish_domain::statistics` (docs/statistics.md).

mod comparing;
mod present;
mod tallying;

pub use comparing::compare;

use oddish_api_types::{GetResultsQuery, ResultsResponse};
use oddish_db::{Db, trial_outcomes};
use oddish_domain::statistics::{Rules, RulesFault, results};

use crate::Error;
use crate::experiments::not_found;

/// Returns what the trials of an experiment show about each agent and model.
pub async fn get(db: &Db, experiment_id: &str, query: &GetResultsQuery) -> Result<ResultsResponse, Error> {
    let rules = rules(query.pass_threshold, query.coverage_bar)?;
    let [name] = names(db, [experiment_id]).await?;
    let trials = trial_outcomes::alike(db, &[experiment_id.to_owned()]).await?;
    let results = computed(move || results(&tallying::tallies(trials, &rules), &rules)).await?;
    Ok(ResultsResponse {
        experiment_id: experiment_id.to_owned(),
        experiment_name: name,
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

/// The names of experiments. One that does not exist is an error.
async fn names<const N: usize>(db: &Db, ids: [&str; N]) -> Result<[String; N], Error> {
    let found = trial_outcomes::names(db, &ids.map(str::to_owned)).await?;
    let mut names = [const { String::new() }; N];
    for (id, name) in ids.iter().zip(&mut names) {
        let known = found.iter().find(|(found, _)| found == id);
        name.clone_from(&known.ok_or_else(|| not_found(id))?.1);
    }
    Ok(names)
}

/// Computes on a thread of its own: thousands of draws of thousands of tasks would hold up other requests.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

//! The results of experiments and their comparison, by `oddish_domain::statistics` (docs/statistics.md).

mod comparing;
mod present;
mod tallying;

use std::hash::{DefaultHasher, Hash, Hasher as _};

pub use comparing::compare;

use oddish_api_types::{GetResultsQuery, ResultsResponse};
use oddish_db::data_version::{self, ExperimentVersion};
use oddish_db::{Db, trial_outcomes};
use oddish_domain::statistics::{Rules, RulesFault, results};

use crate::Error;
use crate::experiments::not_found;

/// An answer, and the version of all that it is made of.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// Letters, digits and `-`. The same question with the same version has the same answer.
    pub version: String,
    /// Nothing where the caller has the answer of this version.
    pub answer: Option<T>,
}

/// Returns what the trials of an experiment show about each agent and model. `knows` tells of a version whether the caller has that answer, which
/// is not worked out then.
pub async fn get(
    db: &Db,
    experiment_id: &str,
    query: &GetResultsQuery,
    knows: impl Fn(&str) -> bool,
) -> Result<Versioned<ResultsResponse>, Error> {
    let rules = rules(query.pass_threshold, query.coverage_bar)?;
    let [experiment] = versions(db, [experiment_id]).await?;
    let version = version([&experiment], (query.pass_threshold.to_bits(), query.coverage_bar.to_bits()));
    if knows(&version) {
        return Ok(Versioned { version, answer: None });
    }
    let trials = trial_outcomes::alike(db, &[experiment_id.to_owned()]).await?;
    let results = computed(move || results(&tallying::tallies(trials, &rules), &rules)).await?;
    let answer = ResultsResponse {
        experiment_id: experiment.id,
        experiment_name: experiment.name,
        data_version: experiment.data_version,
        pass_threshold: rules.pass_threshold(),
        coverage_bar: rules.coverage_bar(),
        agents: results.rows.into_iter().map(|row| present::row(row, &rules)).collect(),
    };
    Ok(Versioned { version, answer: Some(answer) })
}

/// The version of an answer to `question` about experiments. It was read before the answer: a change between makes the next answer another one,
/// and never an old answer a current one.
fn version<const N: usize>(experiments: [&ExperimentVersion; N], question: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    for experiment in experiments {
        experiment.name.hash(&mut hasher);
    }
    // Other programs may answer otherwise.
    (env!("CARGO_PKG_VERSION"), crate::health::COMMIT).hash(&mut hasher);
    let data = experiments.map(|experiment| experiment.data_version.as_str()).join("-");
    format!("{data}-{:016x}", hasher.finish())
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

/// Experiments with the versions of their trials. One that does not exist is an error.
async fn versions<const N: usize>(db: &Db, ids: [&str; N]) -> Result<[ExperimentVersion; N], Error> {
    let found = data_version::get(db, &ids.map(str::to_owned)).await?;
    for id in ids {
        if !found.iter().any(|experiment| experiment.id == id) {
            return Err(not_found(id));
        }
    }
    Ok(ids.map(|id| found.iter().find(|experiment| experiment.id == id).cloned().unwrap_or_default()))
}

/// Computes on a thread of its own: thousands of draws of thousands of tasks would hold up other requests.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

//! Reading experiments.

use oddish_api_types::{ExperimentResponse, ListExperimentsQuery, ListExperimentsResponse};
use oddish_db::Db;
use oddish_db::data_version;
use oddish_db::experiment_summaries::{self, ExperimentFilter, ExperimentSort};

use super::not_found;
use super::present::present;
use crate::Error;
use crate::paging::{self, MAX_LIMIT, Wanted};

/// Returns an experiment and what became of its trials.
pub async fn get(db: &Db, experiment_id: &str) -> Result<ExperimentResponse, Error> {
    // Read before what it is the version of: what changes between is told by the next version.
    let version = data_version::get(db, &[experiment_id.to_owned()]).await?.pop();
    let experiment = experiment_summaries::get(db, experiment_id).await?.ok_or_else(|| not_found(experiment_id))?;
    Ok(ExperimentResponse { data_version: version.map(|version| version.data_version), ..present(experiment) })
}

/// Lists experiments, newest first unless the query says otherwise.
pub async fn list(db: &Db, query: ListExperimentsQuery) -> Result<ListExperimentsResponse, Error> {
    let wanted = Wanted {
        limit: query.limit,
        max_limit: MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: query.sort.as_deref(),
    };
    let orders = [("created_at", ExperimentSort::Created), ("active_at", ExperimentSort::Active)];
    let chosen = paging::choose(wanted, &orders)?;
    let filter = ExperimentFilter { id: None, query: query.query, submitted_by: query.user, state: query.status };
    let listed = experiment_summaries::list(db, &filter, chosen.sort, &chosen.page).await?;
    let total = if query.total { Some(experiment_summaries::count(db, &filter).await?) } else { None };
    Ok(ListExperimentsResponse {
        next_cursor: chosen.cursor(listed.next.as_ref()),
        items: listed.items.into_iter().map(present).collect(),
        limit: query.limit,
        total,
    })
}

//! A version of the trials of an experiment, for whoever keeps what was made of them.

use crate::error::Doing;
use crate::{Db, DbError};

/// An experiment, and the version of its trials.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ExperimentVersion {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// 32 hex digits. Equal ones mean that no trial was added, changed or deleted between.
    pub data_version: String,
}

/// Those of the experiments that exist.
///
/// The version is a hash of the set of transactions that last wrote the trials. A change that was not seen yet is of a transaction that is
/// not in the set yet, so the set differs after it; that no counter is shared keeps writers apart. Only an index is read.
pub async fn get(db: &Db, experiment_ids: &[String]) -> Result<Vec<ExperimentVersion>, DbError> {
    sqlx::query_as(
        "select e.id, e.name, md5(concat_ws(':', count(t.id), sum(hashtextextended(t.changed_in::text, 0)))) as data_version
        from oddish.experiments e left join oddish.trials t on t.experiment_id = e.id
        where e.id = any($1) group by e.id",
    )
    .bind(experiment_ids)
    .fetch_all(db)
    .await
    .doing("read the versions of experiments")
}

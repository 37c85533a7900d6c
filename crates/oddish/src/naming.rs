//! Names in place of ids, for what is read (docs/compatibility.md, 3.1).
//!
//! An id wins over a name, and of several things of one name the newest is meant, as in sweeps. What changes or deletes something takes ids
//! only: a name can go over to another thing between two requests.

use oddish_db::Db;
use oddish_db::experiments::{self, Experiment};

use crate::Error;
use crate::experiments::not_found;

/// The experiment of an id or a name.
pub(crate) async fn experiment(db: &Db, id_or_name: &str) -> Result<Experiment, Error> {
    experiments::find(db, id_or_name).await?.ok_or_else(|| not_found(id_or_name))
}

/// The id of the experiment that a list is restricted to. A list of an experiment that does not exist is empty, so what names none stays.
pub(crate) async fn experiment_filter(db: &Db, id_or_name: String) -> Result<String, Error> {
    Ok(experiments::find(db, &id_or_name).await?.map_or(id_or_name, |found| found.id))
}

//! Callers: users of this deployment, and guests, who have the token of a shared experiment.

use oddish_db::Db;
use oddish_db::sharing::{self, SharedExperiment};
use oddish_db::task_files::Audience;

use crate::Error;

/// Proof that a caller has the token of a shared experiment.
pub struct Shared {
    pub(crate) experiment: SharedExperiment,
    /// The token that the caller has.
    pub(crate) token: String,
}

impl Shared {
    /// Looks for the experiment that a token opens.
    pub async fn open(db: &Db, token: String) -> Result<Option<Self>, Error> {
        let found = sharing::by_token(db, &token).await?;
        Ok(found.map(|experiment| Self { experiment, token }))
    }
}

/// Who reads, which decides what there is to see.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A user of this deployment, who sees everything.
    Member,
    /// A guest, who sees the trials of one shared experiment, and of their tasks all but solutions and tests.
    Guest(&'a Shared),
}

impl Caller<'_> {
    /// Whether the trials of an experiment are there for the caller.
    pub(crate) fn sees(self, experiment_id: &str) -> bool {
        match self {
            Self::Member => true,
            Self::Guest(shared) => shared.experiment.id == experiment_id,
        }
    }

    /// Which files of a task are there for the caller.
    pub(crate) fn audience(self) -> Audience {
        match self {
            Self::Member => Audience::Members,
            Self::Guest(_) => Audience::Guests,
        }
    }
}

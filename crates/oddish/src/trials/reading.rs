//! Reading trials.

use oddish_api_types::TrialResponse;
use oddish_db::{Db, trials};

use super::not_found;
use crate::Error;
use crate::tasks::present::present_trials;

/// Returns one trial.
pub async fn get(db: &Db, trial_id: &str) -> Result<TrialResponse, Error> {
    let trial = trials::get(db, trial_id).await?;
    let trials = present_trials(db, trial.into_iter().collect()).await?;
    trials.into_iter().next().ok_or_else(|| not_found(trial_id))
}

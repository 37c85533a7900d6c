//! Sharing experiments.

use oddish_api_types::ShareResponse;
use oddish_db::Db;
use oddish_db::sharing::{self, Share};
use time::OffsetDateTime;

use super::not_found;
use crate::{Error, naming};

/// Tells whether an experiment, by id or name, is shared, and with which token.
pub async fn share(db: &Db, id_or_name: &str) -> Result<ShareResponse, Error> {
    let found = naming::experiment(db, id_or_name).await?;
    present(sharing::get(db, &found.id).await?, id_or_name)
}

/// Shares an experiment. One that is shared keeps its token.
pub async fn publish(db: &Db, experiment_id: &str, now: OffsetDateTime) -> Result<ShareResponse, Error> {
    present(sharing::publish(db, experiment_id, now).await?, experiment_id)
}

/// Ends the sharing of an experiment, and its token for good.
pub async fn unpublish(db: &Db, experiment_id: &str, now: OffsetDateTime) -> Result<ShareResponse, Error> {
    present(sharing::unpublish(db, experiment_id, now).await?, experiment_id)
}

fn present(share: Option<Share>, experiment_id: &str) -> Result<ShareResponse, Error> {
    let Share { name, public_token } = share.ok_or_else(|| not_found(experiment_id))?;
    Ok(ShareResponse { name, is_public: public_token.is_some(), public_token })
}

//! The files of an attempt whose outcome was recorded from the store, while its runner was still storing them.

use time::OffsetDateTime;
use uuid::Uuid;

use super::Outcome;
use crate::error::Doing;
use crate::jobs::Fenced;
use crate::{Db, DbError};

/// Whether the outcome of this attempt was recorded.
pub async fn was_recorded(db: &Db, token: Uuid) -> Result<bool, DbError> {
    sqlx::query_scalar!(
        r#"select exists (select from oddish.attempts where token = $1 and outcome = 'recorded') as "recorded!""#,
        token
    )
    .fetch_one(db)
    .await
    .doing("ask whether an outcome was recorded")
}

/// Tells the trial that the files of this attempt are whole, and which are left out. Only the trial's newest attempt does, and only while the trial
/// points at its files: what came later is not touched.
pub async fn files_stored(db: &Db, token: Uuid, outcome: &Outcome, now: OffsetDateTime) -> Result<Fenced, DbError> {
    let omitted = outcome.omitted_files.as_ref().map(sqlx::types::Json);
    sqlx::query!(
        "update oddish.trials t
        set files_incomplete = false, omitted_files = $2, artifact_prefix = $3, updated_at = $4
        from oddish.attempts a
        where a.token = $1 and a.outcome = 'recorded' and t.id = a.trial_id and t.files_incomplete
            and a.number > t.retried_after
            and not exists (
                select from oddish.attempts newer
                where newer.trial_id = a.trial_id and newer.kind = 'trial' and newer.number > a.number)",
        token,
        omitted as _,
        outcome.artifact_prefix.as_deref(),
        now
    )
    .execute(db)
    .await
    .map(|done| if done.rows_affected() == 0 { Fenced::Stale } else { Fenced::Accepted })
    .doing("tell that the files of a trial are stored")
}

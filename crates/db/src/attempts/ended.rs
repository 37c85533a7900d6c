//! Looks up attempts that have ended, by what they left elsewhere.

use crate::error::Doing;
use crate::{Db, DbError};

/// Attempts at trials that have ended, with their numbers: of trials with one of these ids, or with one of these hashes (the first eight
/// hexadecimal digits of the SHA-256 of the id) and one of these numbers. More may be found than was meant.
pub async fn ended(db: &Db, ids: &[String], hashes: &[String], numbers: &[i32]) -> Result<Vec<(String, i32)>, DbError> {
    let doing = "look for attempts that have ended";
    let mut found: Vec<(String, i32)> = sqlx::query!(
        r#"select trial_id as "trial_id!", number from oddish.attempts
        where trial_id = any($1) and kind = 'trial' and number = any($2) and ended_at is not null"#,
        ids,
        numbers
    )
    .fetch_all(db)
    .await
    .doing(doing)?
    .into_iter()
    .map(|row| (row.trial_id, row.number))
    .collect();
    // Only ids that cannot be names leave hashes, and those are rare; no index is kept for them.
    let unknown: Vec<String> =
        hashes.iter().filter(|hash| !found.iter().any(|(id, _)| id.ends_with(hash.as_str()))).cloned().collect();
    if unknown.is_empty() {
        return Ok(found);
    }
    let hashed = sqlx::query!(
        r#"select trial_id as "trial_id!", number from oddish.attempts
        where kind = 'trial' and number = any($2) and ended_at is not null
            and left(encode(sha256(convert_to(trial_id, 'UTF8')), 'hex'), 8) = any($1)"#,
        &unknown,
        numbers
    )
    .fetch_all(db)
    .await
    .doing(doing)?;
    found.extend(hashed.into_iter().map(|row| (row.trial_id, row.number)));
    Ok(found)
}

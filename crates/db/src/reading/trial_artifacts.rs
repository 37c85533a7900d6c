//! Places of a trial's files in the store.

use oddish_domain::status::TrialStatus;

use crate::error::Doing;
use crate::word::Word;
use crate::{Db, DbError};

/// Where a trial's files and logs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialArtifacts {
    /// The trial.
    pub trial_id: String,
    /// Its task.
    pub task_id: String,
    /// The experiment that it belongs to.
    pub experiment_id: String,
    /// Where it stands.
    pub status: TrialStatus,
    /// Prefix of the files that its newest recorded attempt left.
    pub prefix: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// Number of the newest attempt that a runner began, which has a log.
    pub newest_attempt: Option<i32>,
    /// Whether the attempt that was asked for has begun and ended; the newest one where none was asked for.
    pub attempt_ended: bool,
}

/// What a trial left. `attempt` says of which attempt the end is wanted.
pub async fn get(db: &Db, trial_id: &str, attempt: Option<i32>) -> Result<Option<TrialArtifacts>, DbError> {
    sqlx::query_as!(
        TrialArtifacts,
        r#"select t.id as trial_id, t.task_id, t.experiment_id, t.status as "status!: Word<TrialStatus>", t.artifact_prefix as prefix,
            t.error_message, newest.number as "newest_attempt?", coalesce(asked.ended_at is not null, false) as "attempt_ended!"
        from oddish.trials t
        left join lateral (
            select number from oddish.attempts where trial_id = t.id and kind = 'trial' and begun_at is not null
            order by number desc limit 1) newest on true
        left join oddish.attempts asked
            on asked.trial_id = t.id and asked.kind = 'trial' and asked.begun_at is not null
                and asked.number = coalesce($2, newest.number)
        where t.id = $1"#,
        trial_id,
        attempt
    )
    .fetch_optional(db)
    .await
    .doing("look what a trial left")
}

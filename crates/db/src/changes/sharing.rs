//! Shared experiments, which anyone with their token may read.

use oddish_domain::share_token;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::idempotency::Work;
use crate::{Db, DbError};

/// Whether an experiment is shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// What lets others look at it, while it is shared.
    pub public_token: Option<String>,
}

/// A shared experiment, as a reader with its token sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedExperiment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: OffsetDateTime,
}

/// Whether the experiment is shared. `None` when there is none of this id.
pub async fn get(db: &Db, experiment_id: &str) -> Result<Option<Share>, DbError> {
    sqlx::query_as!(Share, "select name, public_token from oddish.experiments where id = $1", experiment_id)
        .fetch_optional(db)
        .await
        .doing("look whether an experiment is shared")
}

/// Shares the experiment under a new token; one that is shared keeps its token. `None` when there is none of this id.
pub async fn publish(db: &Db, experiment_id: &str, now: OffsetDateTime) -> Result<Option<Share>, DbError> {
    publish_on(db, experiment_id, now).await
}

/// Does what [`publish`] does, as part of a request's work.
pub async fn publish_within(work: &mut Work, experiment_id: &str, now: OffsetDateTime) -> Result<(), DbError> {
    publish_on(&mut work.tx, experiment_id, now).await.map(|_| ())
}

async fn publish_on(
    executor: impl PgExecutor<'_>,
    experiment_id: &str,
    now: OffsetDateTime,
) -> Result<Option<Share>, DbError> {
    sqlx::query_as!(
        Share,
        "update oddish.experiments
        set is_public = true, public_token = coalesce(public_token, $2), updated_at = (case when is_public then updated_at else $3 end)
        where id = $1 returning name, public_token",
        experiment_id,
        share_token::draw(),
        now
    )
    .fetch_optional(executor)
    .await
    .doing("share an experiment")
}

/// Ends the sharing of the experiment, and with it its token for good. `None` when there is none of this id.
pub async fn unpublish(db: &Db, experiment_id: &str, now: OffsetDateTime) -> Result<Option<Share>, DbError> {
    sqlx::query_as!(
        Share,
        "update oddish.experiments
        set is_public = false, public_token = null, updated_at = (case when is_public then $2 else updated_at end)
        where id = $1 returning name, public_token",
        experiment_id,
        now
    )
    .fetch_optional(db)
    .await
    .doing("end the sharing of an experiment")
}

/// The experiment that this token opens.
pub async fn by_token(db: &Db, token: &str) -> Result<Option<SharedExperiment>, DbError> {
    if !share_token::is_one(token) {
        return Ok(None);
    }
    sqlx::query_as!(
        SharedExperiment,
        "select id, name, created_at from oddish.experiments where public_token = $1",
        token
    )
    .fetch_optional(db)
    .await
    .doing("look for a shared experiment")
}

/// How many tasks have trials in the experiment.
pub async fn task_count(db: &Db, experiment_id: &str) -> Result<i64, DbError> {
    sqlx::query_scalar!(
        r#"select count(distinct task_id) as "count!" from oddish.trial_tallies where experiment_id = $1"#,
        experiment_id
    )
    .fetch_one(db)
    .await
    .doing("count the tasks of a shared experiment")
}

/// Whether the experiment has trials of the task, of this version where one is named; the newest such version.
pub async fn newest_version(
    db: &Db,
    experiment_id: &str,
    task_id: &str,
    version: Option<i32>,
) -> Result<Option<i32>, DbError> {
    sqlx::query_scalar!(
        "select max(task_version) from oddish.trial_tallies
        where experiment_id = $1 and task_id = $2 and ($3::int is null or task_version = $3)",
        experiment_id,
        task_id,
        version
    )
    .fetch_one(db)
    .await
    .doing("look for a task of a shared experiment")
}

//! Experiments.

use time::OffsetDateTime;

use oddish_domain::{experiment, id};

use crate::error::Doing;
use crate::{Db, DbError, Tx};

/// An experiment's identity.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Experiment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Whether there is such an experiment.
pub async fn exists(db: &Db, experiment_id: &str) -> Result<bool, DbError> {
    sqlx::query_scalar!(r#"select exists (select from oddish.experiments where id = $1) as "exists!""#, experiment_id)
        .fetch_one(db)
        .await
        .doing("look for an experiment")
}

/// The experiment of this id, else the newest one of this name: the same one that a sweep adds to.
pub async fn find(db: &Db, id_or_name: &str) -> Result<Option<Experiment>, DbError> {
    sqlx::query_as(
        "select id, name from oddish.experiments where id = $1 or name = $1 order by (id = $1) desc, created_at desc limit 1",
    )
    .bind(id_or_name)
    .fetch_optional(db)
    .await
    .doing("look for an experiment by id or name")
}

/// Finds the experiment that a sweep names by id, else the newest one of that name, else creates one of that name; with no name given,
/// creates one with a generated name (docs/compatibility.md, 1.6).
pub(crate) async fn find_or_create(
    tx: &mut Tx,
    given: Option<&str>,
    now: OffsetDateTime,
) -> Result<Experiment, DbError> {
    let doing = "find or create an experiment";
    let name = match given {
        None => experiment::generate_experiment_name(),
        Some(given) => {
            // Two sweeps that name the same new experiment at once take turns here, so that one creates it and the other finds it.
            sqlx::query!("select pg_advisory_xact_lock(hashtextextended('oddish.experiments:' || $1, 0))", given)
                .execute(&mut *tx)
                .await
                .doing(doing)?;
            let found = sqlx::query_as!(
                Experiment,
                "select id, name from oddish.experiments where id = $1 or name = $1
                order by (id = $1) desc, created_at desc limit 1 for key share",
                given
            )
            .fetch_optional(&mut *tx)
            .await
            .doing(doing)?;
            match found {
                Some(experiment) => return Ok(experiment),
                None => given.to_owned(),
            }
        }
    };
    loop {
        // Ids are short: one that is taken is drawn again.
        let id = id::short_id();
        let created = sqlx::query!(
            "insert into oddish.experiments (id, name, created_at, updated_at) values ($1, $2, $3, $3)
            on conflict (id) do nothing",
            id,
            name,
            now
        )
        .execute(&mut *tx)
        .await
        .doing(doing)?;
        if created.rows_affected() == 1 {
            return Ok(Experiment { id, name });
        }
    }
}

/// Gives an experiment another name. `false` when there is none of this id.
pub async fn rename(db: &Db, experiment_id: &str, name: &str, now: OffsetDateTime) -> Result<bool, DbError> {
    sqlx::query!("update oddish.experiments set name = $2, updated_at = $3 where id = $1", experiment_id, name, now)
        .execute(db)
        .await
        .map(|done| done.rows_affected() == 1)
        .doing("rename an experiment")
}

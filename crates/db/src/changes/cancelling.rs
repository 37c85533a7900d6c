//! Cancels trials.

use std::collections::HashSet;

use time::OffsetDateTime;

use crate::attempts::trial_end::mark_cancelled;
use crate::error::Doing;
use crate::judging::queueing;
use crate::{Db, DbError, stages};

/// What cancelling did to the trials that were named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// They were waiting, and have ended.
    pub ended: Vec<String>,
    /// They run, and their runners have been told to stop.
    pub stopping: Vec<String>,
    /// They run, and their runners had been told before.
    pub stopping_already: Vec<String>,
    /// They had ended already.
    pub over: Vec<String>,
    /// The tasks that were meant as a whole, had not ended, and had not been cancelled before.
    pub tasks: Vec<String>,
}

/// Ends the trials that wait, and asks for the end of those that run: their runners see it within seconds. Trials that have ended stay as
/// they are. All or nothing.
///
/// The tasks of `whole_tasks` were meant as a whole: once none of their trials is left, they have failed and not completed (docs/compatibility.md, 3.3).
pub async fn cancel(
    db: &Db,
    trial_ids: &[String],
    whole_tasks: &[String],
    now: OffsetDateTime,
) -> Result<Cancelled, DbError> {
    let doing = "cancel trials";
    let mut tx = db.begin().await.doing(doing)?;
    queueing::lock(&mut tx, whole_tasks).await?;
    // The job's row is what a claim, a runner that begins and one that records take first: its holder decides.
    let jobs = sqlx::query!(
        r#"select trial_id as "trial_id!", state from oddish.jobs where trial_id = any($1) and kind = 'trial' order by id for update"#,
        trial_ids
    )
    .fetch_all(&mut tx)
    .await
    .doing(doing)?;
    let asked_now: HashSet<String> = sqlx::query_scalar!(
        "update oddish.trials set cancel_requested_at = $2, updated_at = $2
        where id = any($1) and status in ('queued', 'running', 'retrying') and cancel_requested_at is null
        returning id",
        trial_ids,
        now
    )
    .fetch_all(&mut tx)
    .await
    .doing(doing)?
    .into_iter()
    .collect();
    let mut cancelled = Cancelled::default();
    for job in jobs {
        let place = if matches!(&*job.state, "waiting" | "ready") {
            &mut cancelled.ended
        } else if asked_now.contains(&job.trial_id) {
            &mut cancelled.stopping
        } else {
            &mut cancelled.stopping_already
        };
        place.push(job.trial_id);
    }
    mark_cancelled(&mut tx, &cancelled.ended, now).await?;
    sqlx::query!("delete from oddish.jobs where trial_id = any($1) and kind = 'trial'", &cancelled.ended)
        .execute(&mut tx)
        .await
        .doing(doing)?;
    cancelled.tasks = sqlx::query_scalar!(
        "update oddish.tasks set cancel_requested_at = $2
        where id in (select id from oddish.tasks
            where id = any($1) and status not in ('completed', 'failed') and cancel_requested_at is null
            order by id for no key update)
        returning id",
        whole_tasks,
        now
    )
    .fetch_all(&mut tx)
    .await
    .doing(doing)?;
    queueing::cancel(&mut tx, &cancelled.tasks, now).await?;
    stages::trials_ended(&mut tx, &cancelled.ended, now).await?;
    stages::move_on(&mut tx, &cancelled.tasks, now).await?;
    tx.commit().await.doing(doing)?;
    let live: HashSet<&String> =
        cancelled.ended.iter().chain(&cancelled.stopping).chain(&cancelled.stopping_already).collect();
    let over = trial_ids.iter().filter(|id| !live.contains(id)).cloned().collect();
    Ok(Cancelled { over, ..cancelled })
}

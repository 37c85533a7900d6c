//! Deletes trials, tasks and experiments.
//!
//! What runs for them is not asked to stop: its job is gone, so that its runner finds its token stale within seconds and stops by itself,
//! and nothing that comes from it is written any more.
//!
//! Rows are locked in the order that holds everywhere: jobs, trials, tasks, and then the experiment. What came to be meanwhile was not
//! locked in that order; then everything is let go and started again.

use std::collections::BTreeSet;

use oddish_domain::status::JobKind;
use time::{Duration, OffsetDateTime};

use crate::error::Doing;
use crate::judging::queueing;
use crate::{Db, DbError, Tx, breakers, stages, tallies};

/// How long somebody who was at work on what is deleted may still write into the store: a runner that uploads what its trial left, a client
/// with a signed URL, which is good for an hour.
const LATE_WRITES: Duration = Duration::hours(1);
/// How long after a deletion, or after a failure, the dispatcher looks after what is left in the store.
const LEFT_FOR: Duration = Duration::minutes(2);

/// What is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// One trial. Its task stays, without its verdict, which was on other trials.
    Trial(&'a str),
    /// A task with its versions and trials, whichever experiments these belong to.
    Task(&'a str),
    /// An experiment with its trials, whichever tasks they are of, and its tasks, as far as no trial is left of them. Those that have trials
    /// in other experiments are filed under one of these.
    Experiment(&'a str),
}

/// A trial that goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletedTrial {
    /// Its task.
    pub task_id: String,
    /// Its id.
    pub trial_id: String,
}

/// A deletion that is not kept yet: dropped, it never was.
#[derive(Debug)]
pub struct Deletion {
    tx: Tx,
    /// The trials that go, of all tasks.
    pub trials: Vec<DeletedTrial>,
    /// The tasks that go.
    pub tasks: Vec<String>,
    /// Where archives of theirs are awaited.
    pub staging_keys: Vec<String>,
}

/// Deletes everything that belongs to the target. `None` when there is no such thing.
///
/// The caller finishes the deletion with the prefixes of what goes, and has [`remove`] empty them in the store.
pub async fn begin(db: &Db, target: Target<'_>, now: OffsetDateTime) -> Result<Option<Deletion>, DbError> {
    loop {
        let tx = db.begin().await.doing("begin a deletion")?;
        match attempt(tx, target, now).await? {
            Attempted::Done(deletion) => return Ok(Some(deletion)),
            Attempted::NotThere => return Ok(None),
            // Another transaction added to it and has committed, so that the next try sees the addition.
            Attempted::Overtaken => {}
        }
    }
}

enum Attempted {
    Done(Deletion),
    NotThere,
    Overtaken,
}

/// What belongs to a target at one moment, in order.
#[derive(PartialEq, Eq)]
struct Belongings {
    trials: Vec<DeletedTrial>,
    /// The tasks that go if no trial is left of them.
    tasks: Vec<String>,
}

async fn attempt(mut tx: Tx, target: Target<'_>, now: OffsetDateTime) -> Result<Attempted, DbError> {
    let before = belongings(&mut tx, target).await?;
    let trial_ids: Vec<String> = before.trials.iter().map(|trial| trial.trial_id.clone()).collect();
    let losing: BTreeSet<String> = before.trials.iter().map(|trial| trial.task_id.clone()).collect();
    let losing: Vec<String> = losing.into_iter().collect();
    end_jobs(&mut tx, &trial_ids, &losing, now).await?;
    lock(&mut tx, target, &trial_ids, &[&*losing, &*before.tasks].concat()).await?;
    // Statements of their own after the locks: they see what was committed while those were waited for.
    if !exists(&mut tx, target).await? {
        tx.rollback().await.doing("end a deletion")?;
        return Ok(Attempted::NotThere);
    }
    if belongings(&mut tx, target).await? != before || any_job(&mut tx, &trial_ids, &losing).await? {
        tx.rollback().await.doing("begin a deletion anew")?;
        return Ok(Attempted::Overtaken);
    }
    let imports = delete_trials(&mut tx, &trial_ids).await?;
    let (tasks, uploads) = delete_tasks(&mut tx, &before.tasks).await?;
    if let Target::Experiment(id) = target {
        refile_tasks(&mut tx, id, now).await?;
        sqlx::query!("delete from oddish.experiments where id = $1", id)
            .execute(&mut tx)
            .await
            .doing("delete an experiment")?;
    }
    let staying: Vec<String> = losing.into_iter().filter(|id| !tasks.contains(id)).collect();
    take_back_verdicts(&mut tx, &staying, now).await?;
    tallies::recount(&mut tx, &staying).await?;
    stages::move_on(&mut tx, &staying, now).await?;
    let staging_keys = [imports, uploads].concat();
    Ok(Attempted::Done(Deletion { tx, trials: before.trials, tasks, staging_keys }))
}

async fn belongings(tx: &mut Tx, target: Target<'_>) -> Result<Belongings, DbError> {
    let doing = "look what is to be deleted";
    // A query for each, so that each uses its own index.
    let trials = match target {
        Target::Trial(id) => {
            sqlx::query_as!(DeletedTrial, "select task_id, id as trial_id from oddish.trials where id = $1", id)
                .fetch_all(&mut *tx)
                .await
        }
        Target::Task(id) => {
            sqlx::query_as!(
                DeletedTrial,
                "select task_id, id as trial_id from oddish.trials where task_id = $1 order by id",
                id
            )
            .fetch_all(&mut *tx)
            .await
        }
        Target::Experiment(id) => {
            sqlx::query_as!(
                DeletedTrial,
                "select task_id, id as trial_id from oddish.trials where experiment_id = $1 order by id",
                id
            )
            .fetch_all(&mut *tx)
            .await
        }
    };
    let tasks = match target {
        Target::Trial(_) => Ok(Vec::new()),
        Target::Task(id) => {
            sqlx::query_scalar!("select id from oddish.tasks where id = $1", id).fetch_all(&mut *tx).await
        }
        Target::Experiment(id) => {
            sqlx::query_scalar!("select id from oddish.tasks where experiment_id = $1 order by id", id)
                .fetch_all(&mut *tx)
                .await
        }
    };
    Ok(Belongings { trials: trials.doing(doing)?, tasks: tasks.doing(doing)? })
}

/// Deletes the jobs of these trials, and those of verdicts on these tasks, which are verdicts on other trials. Whoever is about to claim or
/// record one of them comes before this or finds nothing.
async fn end_jobs(tx: &mut Tx, trial_ids: &[String], task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    let ended = sqlx::query!(
        r#"delete from oddish.jobs where id in (
            select id from oddish.jobs where trial_id = any($1) or task_id = any($2) order by id for update)
        returning kind, queue_key, token"#,
        trial_ids,
        task_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing("delete jobs")?;
    let mut verdicts = Vec::new();
    for job in ended {
        let Some(token) = job.token else { continue };
        // If it was the probe of a paused key, another one is due.
        breakers::observe(tx, &job.queue_key, token, breakers::Served::SILENT, now).await?;
        if job.kind == JobKind::Verdict.as_str() {
            verdicts.push(Some(token));
        }
    }
    // The attempts of trials go with these.
    queueing::close_withdrawn(tx, verdicts, "A trial of the task was deleted.", now).await
}

/// Locks the rows of trials and tasks, and of the experiment.
async fn lock(tx: &mut Tx, target: Target<'_>, trial_ids: &[String], task_ids: &[String]) -> Result<(), DbError> {
    let doing = "lock what is to be deleted";
    sqlx::query!("select from oddish.trials where id = any($1) order by id for update", trial_ids)
        .execute(&mut *tx)
        .await
        .doing(doing)?;
    let locked = match target {
        Target::Trial(_) => {
            sqlx::query!("select from oddish.tasks where id = any($1) order by id for no key update", task_ids)
                .execute(&mut *tx)
                .await
        }
        // At once as strong as the deletion itself needs it: the completion of an upload holds the row until it has stored the archive.
        Target::Task(_) | Target::Experiment(_) => {
            sqlx::query!("select from oddish.tasks where id = any($1) order by id for update", task_ids)
                .execute(&mut *tx)
                .await
        }
    };
    locked.doing(doing)?;
    if let Target::Experiment(id) = target {
        // From here on nobody files anything under it.
        sqlx::query!("select from oddish.experiments where id = $1 for update", id)
            .execute(&mut *tx)
            .await
            .doing(doing)?;
    }
    Ok(())
}

async fn exists(tx: &mut Tx, target: Target<'_>) -> Result<bool, DbError> {
    let (trial, task, experiment) = match target {
        Target::Trial(id) => (Some(id), None, None),
        Target::Task(id) => (None, Some(id), None),
        Target::Experiment(id) => (None, None, Some(id)),
    };
    sqlx::query_scalar!(
        r#"select exists (select from oddish.trials where id = $1) or exists (select from oddish.tasks where id = $2)
            or exists (select from oddish.experiments where id = $3) as "exists!""#,
        trial,
        task,
        experiment
    )
    .fetch_one(&mut *tx)
    .await
    .doing("look whether what is to be deleted is there")
}

/// Whether somebody has queued something for these trials, or a verdict on these tasks, since their jobs were deleted.
async fn any_job(tx: &mut Tx, trial_ids: &[String], task_ids: &[String]) -> Result<bool, DbError> {
    sqlx::query_scalar!(
        r#"select exists (select from oddish.jobs where trial_id = any($1) or task_id = any($2)) as "any!""#,
        trial_ids,
        task_ids
    )
    .fetch_one(&mut *tx)
    .await
    .doing("look for new jobs")
}

/// Deletes trials with their attempts, and tells where archives of theirs are awaited.
async fn delete_trials(tx: &mut Tx, trial_ids: &[String]) -> Result<Vec<String>, DbError> {
    let doing = "delete trials";
    let staging_keys = sqlx::query_scalar!(
        "delete from oddish.trial_imports where trial_id = any($1) returning staging_key",
        trial_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    sqlx::query!("delete from oddish.trials where id = any($1)", trial_ids).execute(&mut *tx).await.doing(doing)?;
    Ok(staging_keys)
}

/// Deletes those of the tasks that have no trial any more, and tells which these were and where archives of theirs
/// are awaited.
async fn delete_tasks(tx: &mut Tx, task_ids: &[String]) -> Result<(Vec<String>, Vec<String>), DbError> {
    let doing = "delete tasks";
    let gone = sqlx::query_scalar!(
        "select id from oddish.tasks k where id = any($1) and not exists (select from oddish.trials where task_id = k.id)
        order by id",
        task_ids
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    let staging_keys =
        sqlx::query_scalar!("delete from oddish.uploads where task_id = any($1) returning staging_key", &gone)
            .fetch_all(&mut *tx)
            .await
            .doing(doing)?;
    sqlx::query!("delete from oddish.tasks where id = any($1)", &gone).execute(&mut *tx).await.doing(doing)?;
    Ok((gone, staging_keys))
}

/// Files the tasks that are left of an experiment under that of their first trial.
async fn refile_tasks(tx: &mut Tx, experiment_id: &str, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.tasks k set updated_at = $2,
            experiment_id = (select experiment_id from oddish.trials where task_id = k.id order by trial_index limit 1)
        where experiment_id = $1",
        experiment_id,
        now
    )
    .execute(&mut *tx)
    .await
    .done("file tasks under another experiment")
}

/// Withdraws judgements of tasks that were made on other trials. An ended task stays ended: a new verdict must be requested.
async fn take_back_verdicts(tx: &mut Tx, task_ids: &[String], now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "update oddish.tasks
        set verdict_status = null, verdict = null, verdict_error = null, verdict_started_at = null, verdict_finished_at = null,
            updated_at = $2, status = (case when status = 'verdict_pending' then 'analyzing' else status end)
        where id = any($1) and verdict_status is not null",
        task_ids,
        now
    )
    .execute(&mut *tx)
    .await
    .done("take back verdicts")
}

impl Deletion {
    /// Keeps the deletion, and notes the prefixes of what went: until they are removed from the store, somebody will do it.
    pub async fn finish(mut self, prefixes: &[String], now: OffsetDateTime) -> Result<(), DbError> {
        let doing = "finish a deletion";
        sqlx::query!(
            "insert into oddish.prefixes_to_delete (prefix, written_until, due_at) select distinct prefix, $2::timestamptz, $3::timestamptz
            from unnest($1::text[]) as prefix
            on conflict (prefix) do update set written_until = excluded.written_until, due_at = excluded.due_at",
            prefixes,
            now + LATE_WRITES,
            now + LEFT_FOR
        )
        .execute(&mut self.tx)
        .await
        .doing(doing)?;
        self.tx.commit().await.doing(doing)
    }
}

/// Prefixes of what was deleted and is still, or again, to be removed from the store; nobody else gets them for a while.
pub async fn take_prefixes(db: &Db, most: i64, now: OffsetDateTime) -> Result<Vec<String>, DbError> {
    sqlx::query_scalar!(
        "update oddish.prefixes_to_delete set due_at = $2 where prefix in (
            select prefix from oddish.prefixes_to_delete where due_at <= $1 order by due_at limit $3 for update skip locked)
        returning prefix",
        now,
        now + LEFT_FOR,
        most
    )
    .fetch_all(db)
    .await
    .doing("look what is left in the store")
}

/// Removes everything under these prefixes from the store by `delete`, which tells how many objects that were, and notes each prefix that is
/// done. Where somebody may write after `now`, it is to be done once more. A prefix that the store does not remove stays to be removed.
pub async fn remove<'a, F, E>(
    db: &Db,
    prefixes: &'a [String],
    now: OffsetDateTime,
    delete: impl Fn(&'a str) -> F,
) -> Result<(), DbError>
where
    F: Future<Output = Result<u64, E>>,
    E: std::error::Error + 'static,
{
    for prefix in prefixes {
        match delete(prefix).await {
            Ok(objects) => {
                tracing::info!(prefix, objects, "removed what a deletion left in the store");
                note_removed(db, std::slice::from_ref(prefix), now).await?;
            }
            Err(error) => tracing::error!(
                prefix,
                error = &error as &dyn std::error::Error,
                "cannot remove what a deletion left in the store; the dispatcher tries again"
            ),
        }
    }
    Ok(())
}

async fn note_removed(db: &Db, prefixes: &[String], began: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "with done as (delete from oddish.prefixes_to_delete where prefix = any($1) and written_until <= $2)
        update oddish.prefixes_to_delete set due_at = written_until where prefix = any($1) and written_until > $2",
        prefixes,
        began
    )
    .execute(db)
    .await
    .done("note what was removed from the store")
}

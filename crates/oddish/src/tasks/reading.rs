//! Reading tasks with their trials.

use std::collections::HashMap;

use oddish_api_types::{GetTaskQuery, ListTasksQuery, TaskStatusResponse, TrialResponse};
use oddish_db::Db;
use oddish_db::tasks::{self, Counted, Task, TaskFilter};
use oddish_db::trials::{self, OfTask};
use oddish_domain::{id, queue_key};
use time::OffsetDateTime;

use super::not_found;
use super::present::{compact, present_task, present_trials};
use crate::paging::{self, Listing, MAX_LIMIT, Wanted};
use crate::{Error, naming, trials as trial_services};

/// Returns a task, by id or name, with its trials if they are asked for.
pub async fn get(
    db: &Db,
    id_or_name: String,
    query: &GetTaskQuery,
    now: OffsetDateTime,
) -> Result<TaskStatusResponse, Error> {
    let counted = counted(query.version.as_deref())?;
    let task = find(db, &id_or_name, counted).await?;
    if !query.include_trials {
        return Ok(present_task(task, None));
    }
    let version = if counted == Counted::All { None } else { task.counted_version };
    let trials = if task.tally.total == 0 {
        Vec::new()
    } else {
        trials::list_of_tasks(db, &[OfTask { task_id: task.id.clone(), version }], None).await?
    };
    Ok(present_task(task, Some(present_trials(db, trials, now).await?)))
}

/// The task of an id, else the newest one of a name. Clients that watch a task ask by its id again and again, so that no name is looked for first.
async fn find(db: &Db, id_or_name: &str, counted: Counted) -> Result<Task, Error> {
    if let Some(task) = tasks::get(db, id_or_name, counted).await? {
        return Ok(task);
    }
    let task = match tasks::newest_of_name(db, id_or_name).await? {
        Some(id) => tasks::get(db, &id, counted).await?,
        None => None,
    };
    task.ok_or_else(|| not_found(id_or_name))
}

/// Reads which version's trials are meant.
fn counted(version: Option<&str>) -> Result<Counted, Error> {
    match version {
        None => Ok(Counted::Newest),
        Some("all") => Ok(Counted::All),
        Some(number) => {
            let number = number.parse().ok().filter(|number| *number > 0);
            let invalid = || Error::invalid("version", "version must be a number from 1, or `all`");
            number.map(Counted::Version).ok_or_else(invalid)
        }
    }
}

/// Lists tasks, newest first unless the query says otherwise.
pub async fn list(db: &Db, query: ListTasksQuery, now: OffsetDateTime) -> Result<Listing<TaskStatusResponse>, Error> {
    let wanted = Wanted {
        limit: query.limit,
        max_limit: MAX_LIMIT,
        offset: query.offset,
        cursor: query.cursor.as_deref(),
        sort: query.sort.as_deref(),
    };
    let chosen = paging::choose(wanted, &[("created_at", ())])?;
    let experiment_id = match query.experiment_id {
        Some(experiment) => Some(naming::experiment_filter(db, experiment).await?),
        None => None,
    };
    let filter = TaskFilter {
        task_id: None,
        id_prefix: query.id_prefix,
        name: query.name,
        status: query.status,
        submitted_by: query.user,
        experiment_id,
        agent: query.agent,
        model: query.model.as_deref().map(queue_key::normal_form),
        error_class: query.error_class,
        counted: Counted::Newest,
    };
    let listed = tasks::list(db, &filter, &chosen.page).await?;
    let total = if query.total { Some(tasks::count(db, &filter).await?) } else { None };
    let next_cursor = chosen.cursor(listed.next.as_ref());
    let items = if query.include_trials {
        with_trials(db, listed.items, filter.experiment_id.as_deref(), query.compact_trials, now).await?
    } else {
        listed.items.into_iter().map(|task| present_task(task, None)).collect()
    };
    Ok(Listing { items, next_cursor, total })
}

/// The tasks with the trials that they count; of one experiment only, if one is named.
async fn with_trials(
    db: &Db,
    tasks: Vec<Task>,
    experiment_id: Option<&str>,
    compacted: bool,
    now: OffsetDateTime,
) -> Result<Vec<TaskStatusResponse>, Error> {
    let counted: Vec<OfTask> = tasks
        .iter()
        .filter(|task| task.tally.total > 0)
        .map(|task| {
            let version = if experiment_id.is_some() { None } else { task.counted_version };
            OfTask { task_id: task.id.clone(), version }
        })
        .collect();
    let trials = trials::list_of_tasks(db, &counted, experiment_id).await?;
    let mut of_task: HashMap<String, Vec<TrialResponse>> = HashMap::with_capacity(tasks.len());
    for trial in present_trials(db, trials, now).await? {
        let trial = if compacted { compact(trial) } else { trial };
        of_task.entry(trial.task_id.clone()).or_default().push(trial);
    }
    Ok(tasks
        .into_iter()
        .map(|task| {
            let trials = of_task.remove(&task.id).unwrap_or_default();
            present_task(task, Some(trials))
        })
        .collect())
}

/// Returns the trial of a task that has this index.
pub async fn get_trial(db: &Db, task_id: &str, index: u32, now: OffsetDateTime) -> Result<TrialResponse, Error> {
    trial_services::get(db, &id::trial_id(task_id, index), now).await
}

/// Lists the trials of a task, by id or name, of all its versions, by index.
pub async fn list_trials(db: &Db, id_or_name: &str, now: OffsetDateTime) -> Result<Vec<TrialResponse>, Error> {
    let task = find(db, id_or_name, Counted::All).await?;
    let trials = trials::list_of_tasks(db, &[OfTask { task_id: task.id, version: None }], None).await?;
    Ok(present_trials(db, trials, now).await?)
}

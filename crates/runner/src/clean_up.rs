//! Removing what attempts left: their containers, networks, volumes, images and scratch folders.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use oddish_db::{Db, DbError, attempts};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::attempt::{
    NumberedName, Scratch, compose_project, is_project_of, numbered_name, trial_name, trial_of_project,
};
use crate::docker::{Docker, DockerError};

/// Most time for Docker to remove what a killed attempt left.
const LOST_WITHIN: Duration = Duration::from_mins(1);
/// The same while a runner ends: its launcher waits no longer. What is still there after that is found by [`clean_up_ended`].
const ENDING_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked whether something is left: a command that Docker had accepted before its sender was killed may
/// still make a container.
const ROUNDS: usize = 3;
/// How long after a round something is still on its way out, such as a container that another command removes.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(200);

/// Removes what the attempt left. Nothing of it may run any more except its containers. What can't be removed is
/// reported in the log, and harms no later attempt: each has names of its own.
pub async fn clean_up(scratch: &Scratch, environment: &[(OsString, OsString)]) {
    remove_within(LOST_WITHIN, scratch.trial_name(), environment).await;
    remove_scratch(scratch).await;
}

/// Removes the scratch folder of an attempt that has ended.
pub async fn remove_scratch(scratch: &Scratch) {
    match tokio::fs::remove_dir_all(scratch.root()).await {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            warn!(%error, folder = %scratch.root().display(), "cannot remove the attempt's folder; remove it by hand");
        }
    }
}

/// Removes the containers of the Harbor trial of this name, if Docker answers, with their networks, volumes and images. Harbor does so itself
/// when a trial ends in order; it does not when it was interrupted in the middle of that, nor when Docker was away.
pub async fn remove_containers(trial_name: &str, environment: &[(OsString, OsString)]) {
    remove_within(ENDING_WITHIN, trial_name, environment).await;
}

async fn remove_within(limit: Duration, trial_name: &str, environment: &[(OsString, OsString)]) {
    match timeout(limit, remove_projects(trial_name, Docker::new(environment))).await {
        Ok(Ok(()) | Err(DockerError::Absent)) => {}
        Ok(Err(error)) => {
            warn!(%error, trial_name, "what the trial left in Docker is not removed yet; it is looked for again later");
        }
        Err(_) => warn!(trial_name, "Docker did not remove in time what the trial left; it is looked for again later"),
    }
}

async fn remove_projects(trial_name: &str, docker: Docker<'_>) -> Result<(), DockerError> {
    let main = compose_project(trial_name);
    let mut failed = None;
    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(BETWEEN_ROUNDS).await;
        }
        let mut projects = docker.projects().await?;
        projects.retain(|project| is_project_of(project, trial_name));
        if projects.is_empty() && round > 0 {
            return Ok(());
        }
        // A container may be on its way that has no label yet.
        projects.insert(main.clone());
        for project in projects {
            // Two that remove the same thing get in each other's way, and the second round finds it gone.
            failed = docker.remove(&project).await.err();
            if failed.is_none() {
                info!(project, "removed what the trial left in Docker");
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Why it could not even be looked for what ended attempts left.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Docker did not answer.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The database did not.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Removes what attempts left that this database knows as ended. Whatever else is on the same Docker is left alone: projects
/// that are none of trials, trials of other databases, attempts that are not over. Returns what could not be removed, with the reason.
pub async fn clean_up_ended(db: &Db, environment: &[(OsString, OsString)]) -> Result<Vec<String>, LookError> {
    let docker = Docker::new(environment);
    let projects = match docker.projects().await {
        Err(DockerError::Absent) => return Ok(Vec::new()),
        projects => projects?,
    };
    let names: Vec<(&str, NumberedName<'_>)> = projects
        .iter()
        .filter_map(|project| trial_of_project(project))
        .filter_map(|name| Some((name, numbered_name(name)?)))
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = names.iter().map(|(_, name)| name.id.to_owned()).collect();
    let hashes: Vec<String> = names.iter().filter_map(|(_, name)| name.hash.map(str::to_owned)).collect();
    let numbers: Vec<i32> = names.iter().map(|(_, name)| name.number).collect();
    let ended = attempts::ended(db, &ids, &hashes, &numbers).await?;
    let ended: Vec<String> = ended.iter().map(|(trial_id, number)| trial_name(trial_id, *number)).collect();
    let mut left = Vec::new();
    for project in &projects {
        if !ended.iter().any(|name| is_project_of(project, name)) {
            continue;
        }
        match docker.remove(project).await {
            Ok(()) => info!(project, "removed what an attempt that has ended had left in Docker"),
            Err(error) => left.push(format!("{project}: {error}")),
        }
    }
    Ok(left)
}

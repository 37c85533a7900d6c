//! Removing what a killed attempt left: its containers, networks, images and its scratch folder.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::attempt::{Scratch, compose_project};

/// Most time for Docker to remove what belongs to one attempt.
const CONTAINERS_WITHIN: Duration = Duration::from_mins(1);
/// How often it is looked whether something is left: a command that Docker had accepted before its sender was killed may
/// still make a container.
const ROUNDS: usize = 3;

/// Removes what the attempt left. Nothing of it may run any more except its containers. What can't be removed is
/// reported in the log, and harms no later attempt: each has names of its own.
pub async fn clean_up(scratch: &Scratch, environment: &[(OsString, OsString)]) {
    remove_containers(scratch.trial_name(), environment).await;
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

/// Removes the containers of the Harbor trial of this name, if Docker answers, with their networks, volumes and images.
pub async fn remove_containers(trial_name: &str, environment: &[(OsString, OsString)]) {
    match timeout(CONTAINERS_WITHIN, remove_projects(trial_name, environment)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, trial_name, "cannot ask Docker what the trial left"),
        Err(_) => warn!(trial_name, "Docker did not remove in time what the trial left"),
    }
}

async fn remove_projects(trial_name: &str, environment: &[(OsString, OsString)]) -> io::Result<()> {
    let main = compose_project(trial_name);
    let verifiers = format!("{trial_name}__verifier");
    for round in 0..ROUNDS {
        let mut projects: BTreeSet<String> = projects_with_containers(environment)
            .await?
            .into_iter()
            .filter(|project| *project == main || project.starts_with(&verifiers))
            .collect();
        if projects.is_empty() && round > 0 {
            return Ok(());
        }
        // Its network and image may be there without a container.
        projects.insert(main.clone());
        for project in projects {
            let down =
                ["compose", "-p", &project, "down", "--remove-orphans", "--volumes", "--rmi", "local", "-t", "0"];
            docker(&down, environment).await?;
            info!(project, "removed what the trial left in Docker");
        }
    }
    Ok(())
}

async fn projects_with_containers(environment: &[(OsString, OsString)]) -> io::Result<BTreeSet<String>> {
    let listing = ["ps", "--all", "--format", "{{.Label \"com.docker.compose.project\"}}"];
    let output = docker(&listing, environment).await?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .filter(|project| !project.is_empty())
        .collect())
}

async fn docker(arguments: &[&str], environment: &[(OsString, OsString)]) -> io::Result<Output> {
    let output = Command::new("docker")
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("docker {}: {}: {}", arguments.first().unwrap_or(&""), output.status, said.trim())))
}

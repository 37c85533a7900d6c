//! Finds parts of a submission that reach beyond its sandbox, to the machine that runs its trials.
//!
//! Where Docker runs trials, a Compose file may mount any folder of the machine or take rights that are as good as its administrator's, a variable
//! of `task.toml` may steer Docker's own client, and anywhere an agent's argument may name a file of the runner. All of this is refused unless
//! [`ALLOW_HOST_ACCESS`] is set: at upload by the files as they are ([`check_task`]), and by the runner once more by what Compose makes of them
//! ([`check_merged`]), after variables, extended and included files.

mod arguments;
mod compose;
mod fault;
mod scope;
mod service;
mod variables;
mod yaml;

use std::collections::BTreeSet;

use serde_json::Value;

use self::compose::Checker;
use self::scope::{Found, Merged, Scope};
use self::yaml::Node;
use crate::settings::{Group, Setting};
use crate::task_toml::{COMPOSE, Sandbox, TaskFiles, sandboxes};

pub use self::arguments::{HostArgument, check_arguments};
pub use self::fault::{HostAccess, HostAccessRefused};

/// Whether submissions may reach beyond their sandboxes.
pub const ALLOW_HOST_ACCESS: Setting<bool> = Setting::new("ODDISH_ALLOW_HOST_ACCESS", false).doc(
    "Whether tasks and submissions may ask for access to the machine that runs their trials: mounts of its folders, privileged containers, its \
     devices, files of the runner. Turn it on only if you trust everybody who may submit.",
);

/// [`ALLOW_HOST_ACCESS`], for the documents.
pub const HOST_ACCESS_SETTINGS: Group = Group {
    title: "Host access",
    read_by: "`oddish-server`, the endpoint functions, the library, `oddish-runner`",
    settings: &[&ALLOW_HOST_ACCESS],
};

/// Most bytes of a file that is looked through.
const MAX_BYTES: usize = 1 << 20;
/// Most Compose files that one sandbox is made of.
const MAX_FILES: usize = 64;

/// Checks a task by its files. What depends on where the trial runs is left to [`check_merged`].
pub fn check_task(files: &dyn TaskFiles) -> Result<(), HostAccessRefused> {
    let mut faults = Vec::new();
    for sandbox in sandboxes(files) {
        faults.extend(variables::check(&sandbox));
        faults.extend(variables::check_env_file(files, &sandbox));
        faults.extend(compose_files(files, &sandbox));
    }
    refused(faults)
}

fn refused(mut faults: Vec<HostAccess>) -> Result<(), HostAccessRefused> {
    let mut told = BTreeSet::new();
    faults.retain(|fault| told.insert(fault.to_string()));
    if faults.is_empty() { Ok(()) } else { Err(HostAccessRefused(faults)) }
}

/// The Compose file of a sandbox and those that it is made of.
fn compose_files(files: &dyn TaskFiles, sandbox: &Sandbox) -> Vec<HostAccess> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![format!("{}/{COMPOSE}", sandbox.folder)];
    if !files.listing().has(&open[0]) {
        return faults;
    }
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let mut found = Found { path: &path, faults: Vec::new() };
        match documents(files, &path) {
            _ if seen.len() > MAX_FILES => {
                found.add(0, "include", format!("makes the sandbox of more than {MAX_FILES} Compose files"));
                open.clear();
            }
            Err(message) => {
                found.add(
                    0,
                    "the file",
                    format!("cannot be read, so that nobody can tell what it asks for: {message}"),
                );
            }
            Ok(documents) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let scope = Scope { environment: &sandbox.folder, merged: None };
                for document in &documents {
                    let mut checker =
                        Checker { scope, folder, found: &mut found, binds: Vec::new(), files: Vec::new() };
                    checker.document(document);
                    open.append(&mut checker.files);
                }
            }
        }
        faults.append(&mut found.faults);
    }
    faults
}

fn documents(files: &dyn TaskFiles, path: &str) -> Result<Vec<Node>, String> {
    let bytes = files.read(path, MAX_BYTES + 1).ok_or("the task has no such file")?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("it has more than {} MiB", MAX_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    yaml::parse(&text)
}

/// A sandbox as Compose has resolved it.
#[derive(Debug, Clone, Copy)]
pub struct MergedSandbox<'a> {
    /// The sandbox.
    pub sandbox: &'a Sandbox,
    /// What `docker compose config --format json` printed.
    pub config: &'a Value,
    /// The task's folder on this machine, absolute and without links.
    pub task: &'a str,
    /// The folders that Harbor shares with the sandbox, as they were named to Compose.
    pub harbors: &'a [String],
    /// Compose's name of the sandbox.
    pub project: &'a str,
}

/// Checks a sandbox by what Compose has made of all its files. The line is that of the task's Compose file, where that has the place.
pub fn check_merged(files: &dyn TaskFiles, merged: MergedSandbox<'_>) -> Result<(), HostAccessRefused> {
    let MergedSandbox { sandbox, config, task, harbors, project } = merged;
    let path = format!("{}/{COMPOSE}", sandbox.folder);
    let scope = Scope { environment: &sandbox.folder, merged: Some(Merged { task, harbors, project }) };
    let mut found = Found { path: &path, faults: Vec::new() };
    let mut checker =
        Checker { scope, folder: &sandbox.folder, found: &mut found, binds: Vec::new(), files: Vec::new() };
    checker.document(&yaml::of_json(config));
    let written = documents(files, &path).unwrap_or_default();
    let mut faults = found.faults;
    for fault in &mut faults {
        fault.line = written.iter().find_map(|document| line_of(document, &fault.key));
    }
    refused(faults)
}

/// The line of a place such as `services.main.volumes`, or of as much of it as there is.
fn line_of(document: &Node, place: &str) -> Option<usize> {
    let mut node = document;
    let mut line = None;
    for part in place.split('.') {
        let Some((key, value)) = node.fields().iter().find(|(key, _)| key.name == part) else { break };
        (node, line) = (value, Some(key.line));
    }
    line
}

#[cfg(test)]
mod tests;

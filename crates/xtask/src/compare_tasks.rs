//! Our check of tasks against Harbor's loader, over any tasks: the check has to take what Harbor takes and refuse what that refuses, and be
//! stricter only where a task that loads could never run, or would not be safe to pack.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use oddish_artifacts::archive::{PackError, TaskFolder};
use oddish_domain::task_toml::{DEFAULT_AGENT_TIMEOUT_SEC, TASK_TOML, check_task};
use serde::Serialize;
use walkdir::WalkDir;

use crate::progress::{print, step};
use crate::{process, setup};

const LOADER: &str = include_str!("compare_tasks/load_tasks.py");
/// Python needs a second, and a task a millisecond.
const LIMIT: Duration = Duration::from_hours(1);

/// What both say of a folder's tasks.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Comparison {
    /// Tasks found.
    tasks: usize,
    both_take: usize,
    both_refuse: usize,
    only_we_refuse: usize,
    only_harbor_refuses: usize,
    /// Of the differences, those where we are stricter than the loader with reason.
    on_purpose: usize,
    differences: Vec<Difference>,
}

/// A task that one takes and the other refuses.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    /// Path of the task below the folder.
    path: String,
    refused_by: Refuser,
    /// Whether we are stricter than the loader with reason.
    on_purpose: bool,
    /// Why it is refused.
    reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Refuser {
    Oddish,
    Harbor,
}

/// `cargo xtask compare-tasks`: prints the differences, as text or as JSON; fails when there are some that are not on purpose.
pub(crate) fn run(folder: &Path, json: bool) -> Result<()> {
    let python = setup::harbor_python()?;
    let comparison = step("comparing our check of tasks with Harbor's loader", || compare(folder, &python))?;
    let text = if json { serde_json::to_string_pretty(&comparison)? } else { comparison.to_text() };
    print(&format!("{text}\n"))?;
    let unmeant = comparison.differences.len() - comparison.on_purpose;
    ensure!(unmeant == 0, "{unmeant} of {} tasks are refused by one side only, and not on purpose", comparison.tasks);
    Ok(())
}

/// Asks both of every task below the folder.
fn compare(folder: &Path, python: &Path) -> Result<Comparison> {
    let tasks = tasks_below(folder)?;
    let loaded = load_with_harbor(python, &tasks)?;
    let mut comparison = Comparison { tasks: tasks.len(), ..Comparison::default() };
    for (task, harbors) in tasks.iter().zip(loaded) {
        let (refused_by, on_purpose, reasons) = match (our_refusal(task), harbors) {
            (None, None) => {
                comparison.both_take += 1;
                continue;
            }
            (Some(_), Some(_)) => {
                comparison.both_refuse += 1;
                continue;
            }
            (Some(ours), None) => {
                comparison.only_we_refuse += 1;
                (Refuser::Oddish, ours.is_stricter, ours.reasons)
            }
            (None, Some(harbors)) => {
                comparison.only_harbor_refuses += 1;
                (Refuser::Harbor, false, vec![harbors])
            }
        };
        comparison.on_purpose += usize::from(on_purpose);
        let path = task.strip_prefix(folder).unwrap_or(task).display().to_string();
        comparison.differences.push(Difference { path, refused_by, on_purpose, reasons });
    }
    Ok(comparison)
}

impl Comparison {
    fn to_text(&self) -> String {
        let mut lines = Vec::new();
        for difference in &self.differences {
            let who = match (difference.refused_by, difference.on_purpose) {
                (Refuser::Harbor, _) => "refused by Harbor only",
                (Refuser::Oddish, true) => "refused by us only, on purpose",
                (Refuser::Oddish, false) => "refused by us only",
            };
            lines.push(format!("{}: {who}", difference.path));
            lines.extend(difference.reasons.iter().map(|reason| format!("    {}", reason.replace('\n', "\n    "))));
        }
        let Self { tasks, both_take, both_refuse, only_we_refuse, only_harbor_refuses, on_purpose, .. } = self;
        lines.push(format!(
            "{tasks} tasks: both take {both_take}, both refuse {both_refuse}, only we refuse {only_we_refuse} ({on_purpose} on purpose), \
             only Harbor refuses {only_harbor_refuses}"
        ));
        lines.join("\n")
    }
}

/// Folders below `folder` that hold a `task.toml`, and the folder itself if it is one. A task in a task is a part of it.
fn tasks_below(folder: &Path) -> Result<Vec<PathBuf>> {
    ensure!(folder.is_dir(), "{} is no folder", folder.display());
    let mut tasks = Vec::new();
    let mut walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry = entry.context("can't look through the folder")?;
        if entry.file_type().is_dir() && entry.path().join(TASK_TOML).is_file() {
            tasks.push(entry.into_path());
            walk.skip_current_dir();
        }
    }
    ensure!(!tasks.is_empty(), "no task lies below {}", folder.display());
    Ok(tasks)
}

/// Why Harbor refuses each task; none where it takes it. One process loads them all.
fn load_with_harbor(python: &Path, tasks: &[PathBuf]) -> Result<Vec<Option<String>>> {
    let folder = tempfile::tempdir()?;
    let (script, list) = (folder.path().join("load_tasks.py"), folder.path().join("tasks"));
    std::fs::write(&script, LOADER)?;
    let mut lines = Vec::with_capacity(tasks.len());
    for task in tasks {
        let path = task.canonicalize()?;
        let path = path.to_str().with_context(|| format!("the path of {} is not UTF-8", path.display()))?;
        lines.push(serde_json::Value::from(path).to_string());
    }
    std::fs::write(&list, lines.join("\n"))?;
    let mut command = Command::new(python);
    // As runners start it.
    command.env("HARBOR_TELEMETRY", "off").env("PYTHONUTF8", "1").arg(&script).arg(&list);
    let answer = process::ask(&mut command, LIMIT).map_err(anyhow::Error::msg)?;
    // What a library prints comes before.
    let answers: Vec<&str> = answer.lines().collect();
    let Some(first) = answers.len().checked_sub(tasks.len()) else {
        bail!("Harbor's loader answered {} times for {} tasks: {answer}", answers.len(), tasks.len());
    };
    answers[first..]
        .iter()
        .map(|line| serde_json::from_str(line).with_context(|| format!("not an answer: {line}")))
        .collect()
}

/// Our refusal of a task.
struct Refusal {
    /// Whether all its reasons are ones for which we are stricter than the loader.
    is_stricter: bool,
    reasons: Vec<String>,
}

/// What `oddish run` says before it sends the task.
fn our_refusal(task: &Path) -> Option<Refusal> {
    let files = match TaskFolder::open(task) {
        Ok(files) => files,
        Err(error) => {
            // What is not safe to pack, or means something else on another machine.
            let is_stricter = !matches!(error, PackError::Io { .. });
            return Some(Refusal { is_stricter, reasons: vec![error.to_string()] });
        }
    };
    let faults = check_task(&files, DEFAULT_AGENT_TIMEOUT_SEC).err()?;
    Some(Refusal {
        is_stricter: faults.iter().all(oddish_domain::task_toml::TaskFault::is_stricter_than_the_loader),
        reasons: faults.iter().map(ToString::to_string).collect(),
    })
}

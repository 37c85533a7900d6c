//! Checks tasks before they are sent: a fault found here costs no upload.

use oddish_domain::task_toml::{DEFAULT_AGENT_TIMEOUT_SEC, TASK_TOML, TaskListing, check_task};
use walkdir::WalkDir;

use crate::plain_text;
use crate::submit::NotSubmitted;
use crate::task_dirs::{TaskDir, shown};

/// A task that can be sent.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) task: TaskDir,
    /// What its author should know; safe to print.
    pub(crate) warnings: Vec<String>,
}

/// Checks every task; those with faults come back with all of them.
pub(crate) fn check_all(tasks: Vec<TaskDir>) -> (Vec<Checked>, Vec<NotSubmitted>) {
    let mut valid = Vec::new();
    let mut refused = Vec::new();
    for task in tasks {
        match check(&task) {
            Ok(warnings) => valid.push(Checked { task, warnings }),
            Err(faults) => refused.push(NotSubmitted::locally(&task, faults)),
        }
    }
    (valid, refused)
}

fn check(task: &TaskDir) -> Result<Vec<String>, Vec<String>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(&task.path).min_depth(1) {
        let entry = entry.map_err(|error| vec![plain_text::line(&error.to_string())])?;
        let inside = entry.path().strip_prefix(&task.path).unwrap_or(entry.path());
        if !entry.file_type().is_dir() {
            files.push(inside.to_string_lossy().into_owned());
        }
    }
    let task_toml = task.path.join(TASK_TOML);
    let text = std::fs::read_to_string(&task_toml)
        .map_err(|error| vec![format!("cannot read {}: {error}", shown(&task_toml))])?;
    match check_task(&TaskListing::from_iter(files), &text, DEFAULT_AGENT_TIMEOUT_SEC) {
        Ok(check) => Ok(check.warnings.iter().map(|warning| plain_text::line(warning)).collect()),
        Err(faults) => Err(faults.iter().map(|fault| plain_text::line(&fault.to_string())).collect()),
    }
}

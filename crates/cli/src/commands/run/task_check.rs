//! Checks tasks before they are sent: a fault found here costs no upload.

use oddish_artifacts::archive::TaskFolder;
use oddish_domain::host_access;
use oddish_domain::task_toml::{DEFAULT_AGENT_TIMEOUT_SEC, TaskWarning, check_task};

use super::packing::cannot_pack;
use super::submit::NotSubmitted;
use super::task_dirs::TaskDir;
use crate::plain_text;

/// A task that can be sent.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) task: TaskDir,
    /// What its author should know.
    pub(crate) warnings: Vec<TaskWarning>,
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

fn check(task: &TaskDir) -> Result<Vec<TaskWarning>, Vec<String>> {
    let files = TaskFolder::open(&task.path).map_err(|error| vec![cannot_pack(error)])?;
    match check_task(&files, DEFAULT_AGENT_TIMEOUT_SEC) {
        Ok(mut check) => {
            // Whether the server allows it is only known there: it may, and trials may run elsewhere.
            check.warnings.extend(host_access::check_task(&files).err().map(|refused| TaskWarning::HostAccess {
                places: refused.0.iter().map(ToString::to_string).collect(),
            }));
            Ok(check.warnings)
        }
        Err(faults) => Err(faults.iter().map(|fault| plain_text::line(&fault.to_string())).collect()),
    }
}

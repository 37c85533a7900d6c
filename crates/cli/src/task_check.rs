//! Checks tasks before they are sent: a fault found here costs no upload.

use std::collections::BTreeSet;

use oddish_artifacts::archive::TaskFolder;
use oddish_domain::host_access;
use oddish_domain::task_toml::{DEFAULT_AGENT_TIMEOUT_SEC, TaskWarning, check_task};

use crate::packing::cannot_pack;
use crate::plain_text;
use crate::printer::Printer;
use crate::task_dirs::TaskDir;

/// A task that can be sent.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) task: TaskDir,
    /// What its author should know.
    pub(crate) warnings: Vec<TaskWarning>,
}

/// A task that no server would take.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) task: TaskDir,
    /// Each of its faults, safe to print.
    pub(crate) faults: Vec<String>,
}

/// Checks every task; those with faults come back with all of them.
pub(crate) fn check_all(tasks: Vec<TaskDir>) -> (Vec<Checked>, Vec<Faulty>) {
    let mut valid = Vec::new();
    let mut faulty = Vec::new();
    for task in tasks {
        match check(&task) {
            Ok(warnings) => valid.push(Checked { task, warnings }),
            Err(faults) => faulty.push(Faulty { task, faults }),
        }
    }
    (valid, faulty)
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

/// Tells what the check found worth knowing, and returns it: the server's check will find it too. What many tasks have in common is told
/// once. Of a missing agent time-out there is nothing to tell where the submission sets one.
pub(crate) fn tell_warnings(tasks: &[Checked], timeout_is_given: bool, printer: &Printer) -> BTreeSet<String> {
    /// Tasks with one warning that are named.
    const NAMED: usize = 3;
    let (mut noted, mut tasks_of) = (BTreeSet::new(), Vec::<(String, Vec<&str>)>::new());
    for checked in tasks {
        for warning in &checked.warnings {
            let text = warning.to_string();
            noted.insert(warning_text(&checked.task.name, &text));
            if timeout_is_given && warning.is_about_the_agents_timeout() {
                continue;
            }
            match tasks_of.iter_mut().find(|(other, _)| *other == text) {
                Some((_, names)) => names.push(&checked.task.name),
                None => tasks_of.push((text, vec![&checked.task.name])),
            }
        }
    }
    for (text, names) in tasks_of {
        match names.split_at_checked(NAMED) {
            Some((named, more)) if !more.is_empty() => {
                let named = format!("{} and {} more tasks", named.join(", "), more.len());
                printer.warning(&warning_text(&named, &text));
            }
            _ => {
                for name in names {
                    printer.warning(&warning_text(name, &text));
                }
            }
        }
    }
    noted
}

/// What is told of a task that has a warning.
pub(crate) fn warning_text(task: &str, warning: &str) -> String {
    format!("{}: {}", plain_text::line(task), plain_text::short_line(warning, 500))
}

//! What is shown of a subject with `--json`.

use oddish_api_types::TaskStatusResponse;
use serde::Serialize;

use super::subject::Subject;
use crate::failure::Failure;
use crate::printer::Printer;

/// An experiment as `--json` prints it.
#[derive(Serialize)]
struct ExperimentTasks<'a> {
    experiment_id: Option<&'a str>,
    /// Null where the tasks belong to another experiment and only have trials in this one.
    experiment_name: Option<&'a str>,
    tasks: &'a [TaskStatusResponse],
}

impl<'a> ExperimentTasks<'a> {
    fn of(tasks: &'a [TaskStatusResponse]) -> Self {
        let first = tasks.first();
        Self {
            experiment_id: first.and_then(|task| task.experiment_id.as_deref()),
            experiment_name: first.and_then(|task| task.experiment_name.as_deref()),
            tasks,
        }
    }
}

/// Prints a task as the server has it, and an experiment as its tasks.
pub(crate) fn print_json(subject: &Subject, tasks: &[TaskStatusResponse], printer: &Printer) -> Result<(), Failure> {
    match (subject, tasks) {
        (Subject::Task(_), [task]) => printer.json(task),
        _ => printer.json(&ExperimentTasks::of(tasks)),
    }
}

//! `oddish check`: what `run` checks before it sends anything.

mod args;

use oddish_domain::task_toml::TaskWarning;
use serde::Serialize;

use crate::commands::run::{read_config, told_of_file};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::task_check::{Checked, Faulty, check_all, tell_warnings};
use crate::task_dirs::{Filter, Found, OddDir, Source, find, shown};
use crate::view::trial::counted;

pub(crate) use self::args::CheckArgs;

/// What was checked, as `--json` prints it.
#[derive(Serialize)]
struct Report {
    /// Whether nothing has a fault.
    ok: bool,
    tasks: Vec<Task>,
    /// What the file given with `--config` asks for and does not get.
    config_warnings: Vec<String>,
}

#[derive(Serialize)]
struct Task {
    name: String,
    path: String,
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Checks the tasks, and the file that lists agents.
pub(crate) fn check(args: &CheckArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut file = args.config.as_deref().map(|path| read_config(path, printer)).transpose()?.unwrap_or_default();
    let mut config_warnings = Vec::new();
    if let Some(path) = &args.config {
        let of_tasks = if args.paths.is_empty() { file.left_out_tasks.as_slice() } else { &[] };
        config_warnings.extend(file.left_out.iter().chain(of_tasks).map(|line| told_of_file(path, line)));
    }
    let sources: Vec<Source> = if args.paths.is_empty() {
        std::mem::take(&mut file.tasks)
    } else {
        args.paths.iter().map(Source::from).collect()
    };
    let first = |flag: &[String], file: Vec<String>| if flag.is_empty() { file } else { flag.to_vec() };
    let filter = Filter {
        include: first(&args.task_name, file.filter.include),
        exclude: first(&args.exclude_task_name, file.filter.exclude),
        first: file.filter.first,
    };
    let Found { tasks, odd } = if sources.is_empty() {
        Found { tasks: Vec::new(), odd: Vec::new() }
    } else {
        find(&sources, &filter, args.task_names)?
    };
    let (valid, faulty) = check_all(tasks);
    if !args.json {
        for warning in &config_warnings {
            printer.warning(warning);
        }
        tell_warnings(&valid, file.timeout_minutes.is_some(), printer);
    }
    let report = Report::new(&valid, &faulty, &odd, config_warnings);
    if args.json {
        printer.json(&report)?;
    } else {
        for task in &report.tasks {
            for fault in &task.errors {
                printer.error(&format!("{}: {fault}", task.name));
            }
        }
        printer.result(&summary(args, valid.len(), report.tasks.len()))?;
    }
    Ok(if report.ok { ExitStatus::Success } else { ExitStatus::Failure })
}

fn summary(args: &CheckArgs, valid: usize, all: usize) -> String {
    let file = args.config.as_deref().map(|path| format!("{} is fine", shown(path)));
    let tasks = (all > 0).then(|| match all {
        1 if valid == 1 => "The task is fine".to_owned(),
        _ => format!("{valid} of {} {} fine", counted(all, "task"), if valid == 1 { "is" } else { "are" }),
    });
    file.into_iter().chain(tasks).collect::<Vec<_>>().join("\n")
}

impl Report {
    fn new(valid: &[Checked], faulty: &[Faulty], odd: &[OddDir], config_warnings: Vec<String>) -> Self {
        let fine = valid.iter().map(|checked| Task {
            name: plain_text::line(&checked.task.name),
            path: shown(&checked.task.path),
            errors: Vec::new(),
            warnings: checked.warnings.iter().map(TaskWarning::to_string).collect(),
        });
        let faulty = faulty.iter().map(|task| Task {
            name: plain_text::line(&task.task.name),
            path: shown(&task.task.path),
            errors: task.faults.clone(),
            warnings: Vec::new(),
        });
        let odd = odd.iter().map(|dir| Task {
            name: dir.shown.clone(),
            path: dir.shown.clone(),
            errors: vec![dir.fault.clone()],
            warnings: Vec::new(),
        });
        let mut tasks: Vec<Task> = fine.chain(faulty).chain(odd).collect();
        tasks.sort_by(|one, other| one.name.cmp(&other.name));
        Self { ok: tasks.iter().all(|task| task.errors.is_empty()), tasks, config_warnings }
    }
}

//! The tasks of a job: those in folders of this machine.

use super::known::{self, DATASET, TASK};
use crate::commands::run::config::RunConfig;
use crate::config_file::Fields;
use crate::task_dirs::{Filter, Source};

/// Reads the datasets and tasks of a job. Those that would have to be downloaded are left out, and told.
pub(super) fn read(job: &Fields<'_>, config: &mut RunConfig) {
    for dataset in job.sections("datasets") {
        config.left_out_tasks.extend(known::left_out(&dataset, DATASET));
        let filter = Filter {
            include: dataset.texts("task_names"),
            exclude: dataset.texts("exclude_task_names"),
            first: dataset.whole_number("n_tasks", 0).map(|number| number as usize),
        };
        match (dataset.get("repo"), dataset.get("path")) {
            (None, Some(_)) => {
                config.tasks.extend(dataset.text("path").map(|path| Source { path: path.into(), filter }));
            }
            (None, None) if dataset.get("name").is_none() => {
                dataset.fault("path", "it is missing: a dataset has a path or a name");
            }
            (repo, _) => {
                let what = if repo.is_some() { "dataset of a repository" } else { "dataset of a registry" };
                config.left_out_tasks.push(remote(&dataset, if repo.is_some() { "repo" } else { "name" }, what));
            }
        }
    }
    for task in job.sections("tasks") {
        config.left_out_tasks.extend(known::left_out(&task, TASK));
        match (task.get("git_url"), task.get("path")) {
            (None, Some(_)) => config.tasks.extend(task.text("path").map(|path| Source::from(path.as_str()))),
            (None, None) if task.get("name").is_none() => {
                task.fault("path", "it is missing: a task has a path or a name");
            }
            (git, _) => {
                let what = if git.is_some() { "task of a repository" } else { "task of a registry" };
                config.left_out_tasks.push(remote(&task, if git.is_some() { "git_url" } else { "name" }, what));
            }
        }
    }
}

fn remote(section: &Fields<'_>, key: &str, what: &str) -> String {
    let place = section.place_of(key);
    format!(
        "{place} is left out: a {what} is not fetched: download it (`harbor download`, `git clone`) and give its path"
    )
}

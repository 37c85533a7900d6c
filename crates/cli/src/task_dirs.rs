//! Which task directories a path stands for (contract 2.4).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use oddish_domain::task_toml::TASK_TOML;

use crate::plain_text;
use crate::printer::Failure;

/// A directory that holds a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskDir {
    /// Name of the directory, which is the task's name.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Which of the tasks found are wanted.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) first: Option<usize>,
}

/// The tasks at `paths`: a task directory stands for itself, any other directory for the task directories directly in it,
/// by name. Then the filter: include, exclude, first n.
pub(crate) fn find(paths: &[PathBuf], filter: &Filter) -> Result<Vec<TaskDir>, Failure> {
    let mut tasks = Vec::new();
    for path in paths {
        let found = tasks_at(path)?;
        if found.is_empty() {
            return Err(Failure::new(format!("no task found in {}", shown(path)))
                .with_hint("a task directory holds task.toml, instruction.md, environment/ and tests/"));
        }
        tasks.extend(found);
    }
    let mut known = BTreeSet::new();
    tasks.retain(|task| known.insert(task.path.clone()));
    filter.apply(tasks)
}

impl Filter {
    fn apply(&self, mut tasks: Vec<TaskDir>) -> Result<Vec<TaskDir>, Failure> {
        let (include, exclude) = (globs(&self.include)?, globs(&self.exclude)?);
        let found = tasks.len();
        tasks.retain(|task| (self.include.is_empty() || include.is_match(&task.name)) && !exclude.is_match(&task.name));
        if tasks.is_empty() {
            return Err(Failure::new(format!("none of the {found} tasks found passes the filters on task names")));
        }
        tasks.truncate(self.first.unwrap_or(usize::MAX));
        Ok(tasks)
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| Failure::usage(plain_text::line(&error.to_string())))?);
    }
    set.build().map_err(|error| Failure::usage(plain_text::line(&error.to_string())))
}

fn tasks_at(path: &Path) -> Result<Vec<TaskDir>, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", shown(path)));
    // The real path, so that `.` and `..` have names and a task given twice is known.
    let real = path.canonicalize().map_err(unreadable)?;
    if !real.is_dir() {
        return Err(Failure::new(format!("{} is not a directory", shown(path))));
    }
    if real.join(TASK_TOML).is_file() {
        return Ok(vec![task_dir(real)?]);
    }
    let mut tasks = Vec::new();
    for entry in real.read_dir().map_err(unreadable)? {
        let child = entry.map_err(unreadable)?.path();
        if child.join(TASK_TOML).is_file() {
            tasks.push(task_dir(child)?);
        }
    }
    tasks.sort();
    Ok(tasks)
}

fn task_dir(path: PathBuf) -> Result<TaskDir, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.chars().any(char::is_control));
    match name {
        Some(name) => Ok(TaskDir { name: name.into(), path }),
        None => Err(Failure::new(format!(
            "{} has a name that no task can have: not UTF-8, or with control characters",
            shown(&path)
        ))),
    }
}

/// A path for a person.
pub(crate) fn shown(path: &Path) -> String {
    plain_text::line(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::{Filter, TASK_TOML, find};

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join(TASK_TOML), "").unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, filter: &Filter) -> Vec<String> {
        find(&[folder.path().into()], filter).unwrap().into_iter().map(|task| task.name).collect()
    }

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().copied().map(String::from).collect()
    }

    #[test]
    fn tasks_come_sorted_and_other_entries_are_passed_over() {
        let folder = folder(&["b", "a", "c"]);
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join("README.md"), "").unwrap();
        assert_eq!(names(&folder, &Filter::default()), ["a", "b", "c"]);
    }

    #[test]
    fn include_then_exclude_then_first() {
        let folder = folder(&["swe-1", "swe-2", "swe-3", "other"]);
        let filter = Filter { include: texts(&["swe-*"]), exclude: texts(&["*-[1]"]), first: Some(1) };
        assert_eq!(names(&folder, &filter), ["swe-2"]);
    }

    #[test]
    fn a_task_given_twice_is_one() {
        let folder = folder(&["a", "b"]);
        let paths = [folder.path().join("a"), folder.path().into(), folder.path().join("a/../a")];
        assert_eq!(find(&paths, &Filter::default()).unwrap().len(), 2);
    }

    #[test]
    fn filters_that_leave_nothing_are_a_fault() {
        let folder = folder(&["a"]);
        let filter = Filter { include: texts(&["b*"]), ..Filter::default() };
        assert!(find(&[folder.path().into()], &filter).is_err());
    }
}

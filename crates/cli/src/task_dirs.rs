//! Which task directories a path stands for (contract 2.4).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use oddish_domain::id::uploaded_task_name;
use oddish_domain::task_toml::TASK_TOML;
use walkdir::WalkDir;

use crate::plain_text;
use crate::printer::Failure;

/// Names that are told when several tasks share one, and folders of each.
const SHOWN_CLASHES: usize = 10;

/// A directory that holds a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskDir {
    /// What the task is called: by this name the server knows it again.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// What tasks are called after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TaskNames {
    /// Their own directory.
    #[default]
    Folder,
    /// Their path below the given directory, its parts joined by dashes.
    Path,
}

/// Which of the tasks found are wanted.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) first: Option<usize>,
}

/// The tasks at `paths`: a task directory stands for itself, any other directory for the task directories directly in it,
/// by name, or, where tasks are called after their path, for those anywhere below it. Then the filter: include, exclude,
/// first n.
///
/// No two of them have the same name: they would become versions of one task, and answer for each other.
pub(crate) fn find(paths: &[PathBuf], filter: &Filter, names: TaskNames) -> Result<Vec<TaskDir>, Failure> {
    let mut given = Vec::new();
    for path in paths {
        let found = Given::at(path, names)?;
        if found.tasks.is_empty() {
            return Err(Failure::new(format!("no task found in {}", shown(path)))
                .with_hint("a task directory holds task.toml, instruction.md, environment/ and tests/"));
        }
        given.push(found);
    }
    let base = common(given.iter().map(|given| given.base.as_path()));
    let mut tasks = Vec::new();
    let mut known = BTreeSet::new();
    for path in given.into_iter().flat_map(|given| given.tasks) {
        let name = names.name(&path, &base)?;
        // Under another name a link to a task is another task.
        let real = path.canonicalize().map_err(|error| unreadable(&path, &error))?;
        if known.insert((name.clone(), real)) {
            tasks.push(TaskDir { name, path });
        }
    }
    let tasks = filter.apply(tasks)?;
    refuse_clashes(&tasks, &base, names)?;
    Ok(tasks)
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

/// What a path on the command line stands for.
struct Given {
    /// The directory that the tasks are in: that of the path, or, if that is a task itself, the one above.
    base: PathBuf,
    /// The tasks' directories, sorted.
    tasks: Vec<PathBuf>,
}

impl Given {
    fn at(path: &Path, names: TaskNames) -> Result<Self, Failure> {
        // The real path, so that `.` and `..` have names and a task given twice is known.
        let real = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if !real.is_dir() {
            return Err(Failure::new(format!("{} is not a directory", shown(path))));
        }
        if real.join(TASK_TOML).is_file() {
            return Ok(Self { base: real.parent().unwrap_or(&real).to_path_buf(), tasks: vec![real] });
        }
        let depth = match names {
            TaskNames::Folder => 1,
            TaskNames::Path => usize::MAX,
        };
        let tasks = tasks_below(&real, depth).map_err(|error| {
            let place = error.path().unwrap_or(path);
            match error.io_error() {
                Some(reason) => unreadable(place, reason),
                None => Failure::new(format!("cannot read {}", shown(place))),
            }
        })?;
        Ok(Self { base: real, tasks })
    }
}

/// The directories of tasks in a folder, so many levels deep. What is in a task is the task's own.
fn tasks_below(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, walkdir::Error> {
    let mut tasks = Vec::new();
    let mut entries = WalkDir::new(folder).min_depth(1).max_depth(depth).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if entry.path().join(TASK_TOML).is_file() {
            // What is at the deepest level is not entered anyway.
            if entry.file_type().is_dir() && entry.depth() < depth {
                entries.skip_current_dir();
            }
            tasks.push(entry.into_path());
        }
    }
    Ok(tasks)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", shown(path)))
}

/// The deepest directory that all of these are or lie in.
fn common<'a>(mut folders: impl Iterator<Item = &'a Path>) -> PathBuf {
    let mut common = folders.next().unwrap_or(Path::new("/")).to_path_buf();
    for folder in folders {
        while !folder.starts_with(&common) && common.pop() {}
    }
    common
}

impl TaskNames {
    /// The name of the task at `path`, somewhere below `base`.
    fn name(self, path: &Path, base: &Path) -> Result<String, Failure> {
        let named = match self {
            Self::Folder => path.file_name().map(Path::new),
            Self::Path => path.strip_prefix(base).ok(),
        };
        let parts: Option<Vec<&str>> = named.into_iter().flatten().map(|part| plain(part.to_str()?)).collect();
        match parts {
            Some(parts) if !parts.is_empty() => Ok(parts.join("-")),
            _ => Err(Failure::new(format!(
                "{} has a name that no task can have: not UTF-8, or with control characters",
                shown(path)
            ))),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Folder => Self::Path,
            Self::Path => Self::Folder,
        }
    }
}

fn plain(name: &str) -> Option<&str> {
    (!name.chars().any(char::is_control)).then_some(name)
}

/// Refuses tasks of which several have one name, and says how they can be told apart.
fn refuse_clashes(tasks: &[TaskDir], base: &Path, names: TaskNames) -> Result<(), Failure> {
    let clashes = clashes(tasks);
    if clashes.is_empty() {
        return Ok(());
    }
    let told = clashes.iter().take(SHOWN_CLASHES).map(|(name, paths)| {
        let listed: Vec<String> = paths.iter().take(SHOWN_CLASHES).map(|path| shown(path)).collect();
        let more = paths.len() - listed.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{} tasks are called {}: {}{more}", paths.len(), plain_text::line(name), listed.join(", "))
    });
    let mut faults: Vec<String> = told.collect();
    if clashes.len() > SHOWN_CLASHES {
        faults.push(format!("{} more names are those of several tasks", clashes.len() - SHOWN_CLASHES));
    }
    let renamed: Result<Vec<TaskDir>, Failure> = tasks
        .iter()
        .map(|task| Ok(TaskDir { name: names.other().name(&task.path, base)?, path: task.path.clone() }))
        .collect();
    let hint = match (renamed.is_ok_and(|tasks| self::clashes(&tasks).is_empty()), names.other()) {
        (true, TaskNames::Path) => "name them by their path, a/b as a-b, with --task-names path",
        (true, TaskNames::Folder) => "name them by their directory alone, with --task-names folder",
        (false, _) => "rename a directory, or run them one after the other",
    };
    Err(Failure::all(faults).with_hint(hint))
}

/// The names that several tasks have at the server, with the tasks' directories.
fn clashes(tasks: &[TaskDir]) -> BTreeMap<String, Vec<&Path>> {
    let mut by_name: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for task in tasks {
        // What is no name is refused by itself, later.
        let name = uploaded_task_name(&task.name).unwrap_or_else(|_| task.name.clone());
        by_name.entry(name).or_default().push(&task.path);
    }
    by_name.retain(|_, paths| paths.len() > 1);
    by_name
}

/// A path for a person.
pub(crate) fn shown(path: &Path) -> String {
    plain_text::line(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Filter, TASK_TOML, TaskNames, find};

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join(TASK_TOML), "").unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, filter: &Filter) -> Vec<String> {
        let found = find(&[folder.path().into()], filter, TaskNames::Folder).unwrap();
        found.into_iter().map(|task| task.name).collect()
    }

    /// The names of the tasks at these paths of a folder, or why there are none: faults and hint, the folder shown as `/w`.
    fn found(
        folder: &tempfile::TempDir,
        paths: &[&str],
        filter: &Filter,
        names: TaskNames,
    ) -> Result<Vec<String>, String> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.path().join(path)).collect();
        match find(&paths, filter, names) {
            Ok(tasks) => Ok(tasks.into_iter().map(|task| task.name).collect()),
            Err(failure) => {
                let real = folder.path().canonicalize().unwrap();
                Err(format!("{failure:?}").replace(real.to_str().unwrap(), "/w"))
            }
        }
    }

    fn by_path(folder: &tempfile::TempDir, paths: &[&str]) -> Vec<String> {
        found(folder, paths, &Filter::default(), TaskNames::Path).unwrap()
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
        assert_eq!(find(&paths, &Filter::default(), TaskNames::Folder).unwrap().len(), 2);
        std::fs::create_dir(folder.path().join("links")).unwrap();
        std::os::unix::fs::symlink("../a", folder.path().join("links/a")).unwrap();
        let linked = found(&folder, &["a", "links"], &Filter::default(), TaskNames::Folder);
        assert_eq!(linked.unwrap(), ["a"], "by a link too");
    }

    #[test]
    fn filters_that_leave_nothing_are_a_fault() {
        let folder = folder(&["a"]);
        let filter = Filter { include: texts(&["b*"]), ..Filter::default() };
        assert!(find(&[folder.path().into()], &filter, TaskNames::Folder).is_err());
    }

    #[test]
    fn a_path_names_a_task_from_the_folder_that_holds_all_that_was_given() {
        let folder = folder(&["d/1/eval-task", "d/2/eval-task", "solve-it"]);
        assert_eq!(by_path(&folder, &["d/1", "d/2"]), ["1-eval-task", "2-eval-task"]);
        assert_eq!(by_path(&folder, &["d/1/eval-task", "d/2/eval-task"]), ["1-eval-task", "2-eval-task"]);
        assert_eq!(by_path(&folder, &["d/2/eval-task", "solve-it"]), ["d-2-eval-task", "solve-it"]);
        assert_eq!(by_path(&folder, &["d/1"]), ["eval-task"]);
        assert_eq!(by_path(&folder, &["d/1/eval-task"]), ["eval-task"]);
    }

    #[test]
    fn by_path_tasks_are_found_at_any_depth_and_none_within_another() {
        let folder = folder(&["b", "a/x/deep", "a/first", "a/x", "z"]);
        std::fs::create_dir_all(folder.path().join("c/no/task")).unwrap();
        assert_eq!(by_path(&folder, &["."]), ["a-first", "a-x", "b", "z"]);
        assert_eq!(by_path(&folder, &["a"]), ["first", "x"]);
        assert_eq!(by_path(&folder, &["a/x/deep", "a/x"]), ["x-deep", "x"]);
        let shallow = found(&folder, &["."], &Filter::default(), TaskNames::Folder);
        assert_eq!(shallow.unwrap(), ["b", "z"], "a folder's name stands for the tasks directly in it");
    }

    #[test]
    fn two_tasks_of_one_name_are_refused_with_both_paths_and_the_flag_that_runs_them() {
        let folder = folder(&["a/solve-it", "b/solve-it", "b/other"]);
        let refused = found(&folder, &["a", "b"], &Filter::default(), TaskNames::Folder).unwrap_err();
        assert!(refused.contains("2 tasks are called solve-it: /w/a/solve-it, /w/b/solve-it"), "{refused}");
        assert!(refused.contains("--task-names path"), "{refused}");
        assert_eq!(by_path(&folder, &["a", "b"]), ["a-solve-it", "b-other", "b-solve-it"]);
        let one = Filter { first: Some(1), ..Filter::default() };
        assert!(found(&folder, &["a", "b"], &one, TaskNames::Folder).is_ok(), "one of them alone runs");
    }

    #[test]
    fn paths_that_join_to_one_name_are_refused_too() {
        let folder = folder(&["a-b/c", "a/b-c"]);
        let refused = found(&folder, &["."], &Filter::default(), TaskNames::Path).unwrap_err();
        assert!(refused.contains("2 tasks are called a-b-c: /w/a/b-c, /w/a-b/c"), "{refused}");
        assert!(refused.contains("--task-names folder"), "{refused}");

        let folder = self::folder(&["a-b/c", "a/b/c"]);
        let refused = found(&folder, &["a-b", "a/b"], &Filter::default(), TaskNames::Folder).unwrap_err();
        assert!(refused.contains("2 tasks are called c") && refused.contains("rename a directory"), "{refused}");
    }

    #[test]
    fn names_that_are_one_to_the_server_are_one_here() {
        let folder = folder(&["a/hello", "b/hello.tar.gz", "c/ hello"]);
        let refused = found(&folder, &["a", "b", "c"], &Filter::default(), TaskNames::Folder).unwrap_err();
        assert!(refused.contains("3 tasks are called hello: "), "{refused}");
    }

    #[test]
    fn what_is_told_of_many_clashes_has_an_end() {
        let all: Vec<String> = (0..20).flat_map(|d| (0..15).map(move |name| format!("d{d}/t{name}"))).collect();
        let folder = folder(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let given: Vec<String> = (0..20).map(|d| format!("d{d}")).collect();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let refused = found(&folder, &given, &Filter::default(), TaskNames::Folder).unwrap_err();
        assert!(refused.contains("20 tasks are called t0: ") && refused.contains(" and 10 more"), "{refused}");
        assert!(refused.contains("5 more names are those of several tasks"), "{refused}");
        assert_eq!(by_path(&folder, &given).len(), 300);
    }
}

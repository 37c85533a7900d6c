//! Which task directories a path stands for (docs/compatibility.md, 2.4).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use oddish_domain::id::uploaded_task_name;
use oddish_domain::task_toml::TASK_TOML;
use walkdir::WalkDir;

use crate::failure::Failure;
use crate::plain_text;

/// Names that are told when several tasks share one, and folders of each.
const SHOWN_CLASHES: usize = 10;
const RENAME: &str = "rename the directory to run it";

/// A directory that holds a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskDir {
    /// What the task is called: by this name the server knows it again.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Where tasks are, and which of those there are wanted.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) filter: Filter,
}

impl<P: Into<PathBuf>> From<P> for Source {
    fn from(path: P) -> Self {
        Self { path: path.into(), filter: Filter::default() }
    }
}

/// A directory that looks like a task and cannot be one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OddDir {
    /// Its path, as it can be shown.
    pub(crate) shown: String,
    /// Why, and what to do.
    pub(crate) fault: String,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) tasks: Vec<TaskDir>,
    /// What keeps none of the others back.
    pub(crate) odd: Vec<OddDir>,
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

/// The tasks at `sources`: a task directory stands for itself, any other directory for the task directories directly in it,
/// by name, or, where tasks are called after their path, for those anywhere below it. Then the filters, the source's first:
/// include, exclude, first n.
///
/// No two of them have the same name: they would become versions of one task, and answer for each other.
pub(crate) fn find(sources: &[Source], filter: &Filter, names: TaskNames) -> Result<Found, Failure> {
    let mut given = Vec::new();
    for source in sources {
        let found = Given::at(&source.path, names)?;
        if found.tasks.is_empty() && found.odd.is_empty() {
            return Err(Failure::new(format!("no task found in {}", shown(&source.path)))
                .with_hint("a task directory holds task.toml, instruction.md, environment/ and tests/"));
        }
        given.push(found);
    }
    let base = common(given.iter().map(|given| given.base.as_path()));
    let (mut tasks, mut odd, mut found) = (Vec::new(), Vec::new(), 0);
    let mut known = BTreeSet::new();
    for (given, source) in given.into_iter().zip(sources) {
        odd.extend(given.odd);
        let is_asked_for_by_name = !filter.include.is_empty() || !source.filter.include.is_empty();
        let mut named = Vec::new();
        for path in given.tasks {
            match task_at(path, &base, names) {
                Ok(task) => named.push(task),
                Err(dir) if !is_asked_for_by_name => odd.push(dir),
                Err(_) => {}
            }
        }
        found += named.len();
        let wanted = source.filter.apply(named)?;
        // Under another name a link to a task is another task.
        tasks.extend(wanted.into_iter().filter(|(task, real)| known.insert((task.name.clone(), real.clone()))));
    }
    odd.sort();
    odd.dedup();
    let tasks: Vec<TaskDir> = filter.apply(tasks)?.into_iter().map(|(task, _)| task).collect();
    if tasks.is_empty() && odd.is_empty() {
        return Err(Failure::new(format!("none of the {found} tasks found passes the filters on task names")));
    }
    refuse_clashes(&tasks, &base, names)?;
    Ok(Found { tasks, odd })
}

/// A task, and its directory's real path, by which it is known again.
type Known = (TaskDir, PathBuf);

fn task_at(path: PathBuf, base: &Path, names: TaskNames) -> Result<Known, OddDir> {
    let odd = |fault: String| OddDir { shown: shown(&path), fault };
    let name = names.name(&path, base).map_err(odd)?;
    uploaded_task_name(&name).map_err(|error| odd(plain_text::line(&error.to_string())))?;
    let real = path.canonicalize().map_err(|error| odd(format!("cannot be read: {error}")))?;
    Ok((TaskDir { name, path }, real))
}

impl Filter {
    fn apply(&self, mut tasks: Vec<Known>) -> Result<Vec<Known>, Failure> {
        let (include, exclude) = (globs(&self.include)?, globs(&self.exclude)?);
        let is_wanted = |name: &str| (self.include.is_empty() || include.is_match(name)) && !exclude.is_match(name);
        tasks.retain(|(task, _)| is_wanted(&task.name));
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
    /// What below it could not be looked into.
    odd: Vec<OddDir>,
}

impl Given {
    fn at(path: &Path, names: TaskNames) -> Result<Self, Failure> {
        // The real path, so that `.` and `..` have names and a task given twice is known.
        let real = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if !real.is_dir() {
            return Err(Failure::new(format!("{} is not a directory", shown(path))));
        }
        if real.join(TASK_TOML).is_file() {
            return Ok(Self { base: real.parent().unwrap_or(&real).to_path_buf(), tasks: vec![real], odd: Vec::new() });
        }
        let depth = match names {
            TaskNames::Folder => 1,
            TaskNames::Path => usize::MAX,
        };
        let (tasks, odd) = tasks_below(&real, depth).map_err(|error| unreadable(path, &error))?;
        Ok(Self { base: real, tasks, odd })
    }
}

/// The directories of tasks in a folder, so many levels deep, and those that could not be looked into. What is in a task is the task's own.
fn tasks_below(folder: &Path, depth: usize) -> Result<(Vec<PathBuf>, Vec<OddDir>), std::io::Error> {
    let (mut tasks, mut odd) = (Vec::new(), Vec::new());
    let mut entries = WalkDir::new(folder).min_depth(1).max_depth(depth).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => return Err(error.into()),
            Err(error) => {
                let reason = error.io_error().map_or_else(|| "a link leads back to it".to_owned(), ToString::to_string);
                odd.push(OddDir {
                    shown: shown(error.path().unwrap_or(folder)),
                    fault: format!("cannot be read: {reason}"),
                });
                continue;
            }
        };
        if entry.path().join(TASK_TOML).is_file() {
            // What is at the deepest level is not entered anyway.
            if entry.file_type().is_dir() && entry.depth() < depth {
                entries.skip_current_dir();
            }
            tasks.push(entry.into_path());
        }
    }
    Ok((tasks, odd))
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
    fn name(self, path: &Path, base: &Path) -> Result<String, String> {
        let named = match self {
            Self::Folder => path.file_name().map(Path::new),
            Self::Path => path.strip_prefix(base).ok(),
        };
        let parts: Vec<&OsStr> = named.into_iter().flatten().collect();
        let parts: Option<Vec<&str>> = parts.into_iter().map(OsStr::to_str).collect();
        let parts = parts.ok_or_else(|| format!("its name is not UTF-8: {RENAME}"))?;
        if parts.is_empty() {
            return Err("it is the top of the file system, which has no name: give a directory".to_owned());
        }
        if parts.iter().any(|part| part.chars().any(char::is_control)) {
            return Err(format!("its name has control characters: {RENAME}"));
        }
        Ok(parts.join("-"))
    }

    fn other(self) -> Self {
        match self {
            Self::Folder => Self::Path,
            Self::Path => Self::Folder,
        }
    }
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
    let renamed: Result<Vec<TaskDir>, String> = tasks
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
mod tests;

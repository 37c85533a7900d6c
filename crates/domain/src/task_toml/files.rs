//! The view of a task's files that its check needs.

use std::collections::BTreeSet;
use std::ops::Bound;

/// The file that makes a folder a task.
pub const TASK_TOML: &str = "task.toml";

/// The files of a task: paths relative to its folder, with `/` between their parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskListing(BTreeSet<String>);

impl<S: Into<String>> FromIterator<S> for TaskListing {
    fn from_iter<I: IntoIterator<Item = S>>(paths: I) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

impl TaskListing {
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is a file of this path.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    pub(super) fn has_folder(&self, folder: &str) -> bool {
        let inside = format!("{folder}/");
        let from = (Bound::Included(inside.as_str()), Bound::Unbounded);
        self.0.range::<str, _>(from).next().is_some_and(|path| path.starts_with(&inside))
    }

    /// A task one folder further down, as when a folder was packed instead of its contents.
    pub(super) fn wrapped_task(&self) -> Option<&str> {
        self.0.iter().find_map(|path| path.strip_suffix("/task.toml").filter(|folder| !folder.contains('/')))
    }
}

/// A task's files, wherever they lie.
pub trait TaskFiles {
    /// Their paths.
    fn listing(&self) -> &TaskListing;

    /// What one of them begins with, `limit` bytes at most; none where it can't be read.
    fn read(&self, path: &str, limit: usize) -> Option<Vec<u8>>;
}

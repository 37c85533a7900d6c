//! A task in a folder of this machine, as it will be in its archive.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use oddish_domain::task_toml::{TaskFiles, TaskListing};

use super::PackError;
use super::contents::contents;
use crate::local_file::open_regular;

/// The files of a task, for its check. Reading them blocks.
#[derive(Debug)]
pub struct TaskFolder {
    listing: TaskListing,
    /// Where the content of each lies, by its path in the archive.
    places: HashMap<String, PathBuf>,
}

impl TaskFolder {
    /// Looks through a folder that is to be packed; what can't be packed is an error. Blocks.
    pub fn open(folder: &Path) -> Result<Self, PackError> {
        let files = contents(folder)?.into_iter().filter(|member| !member.is_folder);
        Ok(Self::new(files.map(|member| (member.name, member.path)).collect()))
    }

    /// The files at `paths` below a folder without links, such as one that an archive was unpacked into.
    pub fn of_files(folder: &Path, paths: &[String]) -> Self {
        Self::new(paths.iter().map(|path| (path.clone(), folder.join(path))).collect())
    }

    fn new(places: HashMap<String, PathBuf>) -> Self {
        Self { listing: places.keys().cloned().collect(), places }
    }
}

impl TaskFiles for TaskFolder {
    fn listing(&self) -> &TaskListing {
        &self.listing
    }

    fn read(&self, path: &str, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = open_regular(self.places.get(path)?).ok()?;
        file.take(limit.try_into().ok()?).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

//! What a folder that is to become an archive holds, links in it as what they name.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::LinkProblem;
use super::taken::spelling;
use super::{PackError, UnpackLimits};

/// A file or folder that goes into the archive.
#[derive(Debug)]
pub(super) struct Member {
    /// Path below the folder, with `/` between its parts.
    pub(super) name: String,
    /// Where its content lies.
    pub(super) path: PathBuf,
    pub(super) is_folder: bool,
}

/// Everything in the folder, by name, a folder before what is in it. Blocks.
///
/// A symbolic link to a file or a folder inside is what it names. One that leads out of the folder, round in a circle or nowhere is an
/// error, and so is more than any archive may hold: links could multiply a folder without end.
pub(super) fn contents(dir: &Path) -> Result<Vec<Member>, PackError> {
    let failed = |source| PackError::Io { path: dir.to_path_buf(), source };
    let root = dir.canonicalize().map_err(failed)?;
    if !root.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let mut walk = Walk { root: root.clone(), members: Vec::new(), spellings: HashMap::new(), above: Vec::new() };
    walk.folder(&root, "")?;
    Ok(walk.members)
}

struct Walk {
    root: PathBuf,
    members: Vec<Member>,
    /// Paths that were taken, by their spelling.
    spellings: HashMap<String, PathBuf>,
    /// The folder that is read, and those above it, without links.
    above: Vec<PathBuf>,
}

impl Walk {
    /// Reads a folder that is no link; `name` is what it is called in the archive.
    fn folder(&mut self, path: &Path, name: &str) -> Result<(), PackError> {
        let failed = |source| PackError::Io { path: path.to_path_buf(), source };
        let mut children: Vec<_> = fs::read_dir(path).and_then(Iterator::collect::<io::Result<_>>).map_err(failed)?;
        children.sort_by_key(fs::DirEntry::file_name);
        self.above.push(path.to_path_buf());
        for child in children {
            self.child(&child, name)?;
        }
        self.above.pop();
        Ok(())
    }

    fn child(&mut self, child: &fs::DirEntry, folder: &str) -> Result<(), PackError> {
        let inside = Path::new(folder).join(child.file_name());
        let file_type = child.file_type().map_err(|source| PackError::Io { path: child.path(), source })?;
        let (path, is_folder) = if file_type.is_symlink() {
            let path =
                self.target(&child.path()).map_err(|problem| PackError::Link { path: inside.clone(), problem })?;
            (path.clone(), path.is_dir())
        } else {
            (child.path(), file_type.is_dir())
        };
        // Of what is neither, opening a pipe would wait forever.
        if !is_folder && !path.is_file() {
            return Err(PackError::UnsupportedType { path: inside });
        }
        let Some(name) = inside.to_str().map(str::to_owned) else {
            return Err(PackError::NonUtf8Name { path: inside });
        };
        // Names that are one file elsewhere would be refused there, after the upload.
        if let Some(other) = self.spellings.insert(spelling(&name), inside.clone()) {
            return Err(PackError::Collision { path: inside, other });
        }
        let limit = UnpackLimits::default().entries;
        if self.members.len() == limit {
            return Err(PackError::TooManyEntries { limit });
        }
        self.members.push(Member { name: name.clone(), path: path.clone(), is_folder });
        if is_folder { self.folder(&path, &name) } else { Ok(()) }
    }

    /// What a link names in the end.
    fn target(&self, link: &Path) -> Result<PathBuf, LinkProblem> {
        let target = link.canonicalize().map_err(|error| match error.raw_os_error() {
            Some(nix::libc::ELOOP) => LinkProblem::Circle,
            _ => LinkProblem::Nowhere,
        })?;
        if !target.starts_with(&self.root) {
            Err(LinkProblem::Outside)
        } else if self.above.contains(&target) {
            Err(LinkProblem::Circle)
        } else {
            Ok(target)
        }
    }
}

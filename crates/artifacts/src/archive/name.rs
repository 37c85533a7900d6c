//! Which member names are fit to become paths.

use std::collections::HashMap;

use super::{ArchiveError, UnpackLimits};
use crate::key::shown;

/// Checks the raw name of a member and brings it to plain form: parts joined by one `/`, none of them `.` or empty.
/// The archive's own top folder (`./`) gives an empty text.
pub(super) fn plain_path(raw: &[u8], limits: &UnpackLimits) -> Result<String, ArchiveError> {
    let path = || shown(raw);
    let Ok(text) = str::from_utf8(raw) else { return Err(ArchiveError::NonUtf8Name { path: path() }) };
    if text.chars().any(char::is_control) {
        return Err(ArchiveError::ControlCharacter { path: path() });
    }
    if text.starts_with('/') {
        return Err(ArchiveError::AbsolutePath { path: path() });
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(ArchiveError::PathTraversal { path: path() });
    }
    if parts.iter().any(|part| part.len() > limits.component_bytes) {
        return Err(ArchiveError::NameTooLong { path: path(), limit: limits.component_bytes });
    }
    if parts.len() > limits.depth {
        return Err(ArchiveError::TooDeep { path: path(), limit: limits.depth });
    }
    let plain = parts.join("/");
    if plain.len() > limits.path_bytes {
        return Err(ArchiveError::PathTooLong { path: path(), limit: limits.path_bytes });
    }
    Ok(plain)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Folder that a member lies in, but that was no member itself so far.
    ImpliedFolder,
    Folder,
    File,
}

/// The paths that members have taken so far.
#[derive(Default)]
pub(super) struct TakenPaths(HashMap<String, Taken>);

impl TakenPaths {
    pub(super) fn take_file(&mut self, path: &str, limits: &UnpackLimits) -> Result<(), ArchiveError> {
        self.take(path, Taken::File, limits)
    }

    pub(super) fn take_folder(&mut self, path: &str, limits: &UnpackLimits) -> Result<(), ArchiveError> {
        self.take(path, Taken::Folder, limits)
    }

    fn take(&mut self, path: &str, kind: Taken, limits: &UnpackLimits) -> Result<(), ArchiveError> {
        for (slash, _) in path.match_indices('/') {
            let parent = &path[..slash];
            match self.0.get(parent) {
                Some(Taken::File) => return Err(ArchiveError::Duplicate { path: shown(parent.as_bytes()) }),
                Some(_) => {}
                None => {
                    self.0.insert(parent.to_owned(), Taken::ImpliedFolder);
                }
            }
        }
        match self.0.insert(path.to_owned(), kind) {
            None => {}
            Some(Taken::ImpliedFolder) if kind == Taken::Folder => {}
            Some(_) => return Err(ArchiveError::Duplicate { path: shown(path.as_bytes()) }),
        }
        if self.0.len() > limits.entries {
            return Err(ArchiveError::TooManyEntries { limit: limits.entries });
        }
        Ok(())
    }

    /// Paths of the files and of the folders, each sorted.
    pub(super) fn into_sorted(self) -> (Vec<String>, Vec<String>) {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for (path, kind) in self.0 {
            if kind == Taken::File { files.push(path) } else { folders.push(path) }
        }
        files.sort_unstable();
        folders.sort_unstable();
        (files, folders)
    }
}

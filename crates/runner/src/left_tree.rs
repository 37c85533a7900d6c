//! Selects the files of a trial's folder that are kept, in bounded memory however many files there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Weak;

use oddish_artifacts::key::KeyFault;
use oddish_artifacts::{InvalidKey, Key};
use oddish_domain::omitted_files::{OmissionReason, OmittedFiles};
use serde::Serialize;
use walkdir::WalkDir;

use crate::redaction::Redactor;
use crate::settings::TreeBounds;
use crate::trial_tree::rank;

/// Tells what was taken out of the tree, if anything was. A file of this name that the trial left is not stored.
pub(crate) const REDACTIONS: &str = "redactions.json";
/// Tells what of the tree is not stored, if anything is not. A file of this name that the trial left is not stored either.
pub(crate) const OMITTED: &str = "omitted.json";
/// Most files that the list of those that are not stored names; all are counted.
const MAX_LISTED: usize = 1000;

/// A regular file.
#[derive(Debug)]
pub(crate) struct FoundFile {
    pub(crate) path: PathBuf,
    /// Its path in the tree.
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// What is in a folder.
#[derive(Default)]
pub(crate) struct Found {
    /// What is kept, the most important files first.
    pub(crate) files: Vec<FoundFile>,
    pub(crate) omitted: OmittedList,
}

/// A file that is not stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Omitted {
    /// Its path in the tree.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) reason: OmissionReason,
}

/// The content of `omitted.json`: all are counted, and the first by their path are listed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OmittedList {
    #[serde(flatten)]
    pub(crate) count: OmittedFiles,
    list: BTreeSet<Omitted>,
}

impl OmittedList {
    pub(crate) fn add(&mut self, omitted: Omitted) {
        self.count.add(omitted.reason, omitted.bytes);
        if self.list.len() < MAX_LISTED {
            self.list.insert(omitted);
        } else if self.list.last().is_some_and(|last| omitted < *last) {
            self.list.pop_last();
            self.list.insert(omitted);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count.files == 0
    }

    /// Without the secrets in its paths.
    pub(crate) fn redacted(self, redactor: &Redactor) -> Self {
        let clean = |omitted: Omitted| Omitted { path: redactor.text(&omitted.path), ..omitted };
        Self { list: self.list.into_iter().map(clean).collect(), ..self }
    }
}

/// Looks through a folder and chooses what is kept. It ends early when nobody is `waiting` any more.
///
/// A folder is not sorted as it is read: that would hold all its names in memory. Files are kept by their importance, then by their path, so that
/// what is kept does not depend on the order in which a file system gives them. No more are held than may be kept.
pub(crate) fn look_through(folder: &Path, prefix: &str, bounds: TreeBounds, waiting: &Weak<()>) -> Found {
    let mut omitted = OmittedList::default();
    let mut first: BTreeMap<(u8, String), FoundFile> = BTreeMap::new();
    for entry in WalkDir::new(folder).min_depth(1) {
        if waiting.strong_count() == 0 {
            break;
        }
        let file = match look_at(folder, prefix, &entry) {
            Ok(Some(file)) => file,
            Ok(None) => continue,
            Err(unfit) => {
                omitted.add(unfit);
                continue;
            }
        };
        first.insert((rank(&file.name), file.name.clone()), file);
        if first.len() > bounds.files
            && let Some((_, last)) = first.pop_last()
        {
            omitted.add(last.omitted(OmissionReason::TooManyFiles));
        }
    }
    let mut files = Vec::with_capacity(first.len());
    let mut left = bounds.bytes;
    for file in first.into_values() {
        match left.checked_sub(file.bytes) {
            Some(rest) => {
                left = rest;
                files.push(file);
            }
            None => omitted.add(file.omitted(OmissionReason::TooManyBytes)),
        }
    }
    Found { files, omitted }
}

impl FoundFile {
    fn omitted(&self, reason: OmissionReason) -> Omitted {
        Omitted { path: self.name.clone(), bytes: self.bytes, reason }
    }
}

/// A file, nothing for a folder, or what cannot be stored below the prefix.
fn look_at(
    folder: &Path,
    prefix: &str,
    entry: &walkdir::Result<walkdir::DirEntry>,
) -> Result<Option<FoundFile>, Omitted> {
    let (path, kind, bytes) = match entry {
        Ok(entry) if entry.file_type().is_dir() => return Ok(None),
        Ok(entry) => (entry.path(), Some(entry.file_type()), entry.metadata().map_or(0, |metadata| metadata.len())),
        Err(error) => (error.path().unwrap_or(folder), None, 0),
    };
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let reason = match (kind, relative.to_str()) {
        (Some(kind), Some(name)) if kind.is_file() && ![REDACTIONS, OMITTED].contains(&name) => {
            match Key::parse(format!("{prefix}{name}")) {
                Ok(_) => return Ok(Some(FoundFile { path: path.to_path_buf(), name: name.to_owned(), bytes })),
                Err(error) => unfit_name(&error),
            }
        }
        (None, _) => OmissionReason::Unreadable,
        (Some(kind), _) if kind.is_symlink() => OmissionReason::Link,
        (Some(kind), _) if !kind.is_file() => OmissionReason::NotAFile,
        (_, None) => OmissionReason::NameNotUtf8,
        (_, Some(_)) => OmissionReason::NameTaken,
    };
    Err(Omitted { path: shown(relative), bytes: if reason == OmissionReason::Link { 0 } else { bytes }, reason })
}

/// Why the store can't have a file of this name.
pub(crate) fn unfit_name(error: &InvalidKey) -> OmissionReason {
    match error.fault() {
        KeyFault::TooDeep => OmissionReason::TooDeep,
        KeyFault::ControlCharacter => OmissionReason::NameHasControlCharacter,
        KeyFault::TooLong | KeyFault::PartTooLong => OmissionReason::NameTooLong,
        // None of them is found in a folder; and what the store keeps for itself can't be had.
        KeyFault::Empty
        | KeyFault::EmptyPart
        | KeyFault::DotPart
        | KeyFault::Reserved
        | KeyFault::Slash
        | KeyFault::OpenPrefix => OmissionReason::NameTaken,
    }
}

/// A path as text, with `\xe9` for each byte that is none.
fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _infallible = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

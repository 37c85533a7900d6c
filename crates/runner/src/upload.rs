//! Storing the folder that a trial left, without the secrets in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use oddish_artifacts::key::KeyFault;
use oddish_artifacts::{Key, SharedStore, StoreError};
use oddish_domain::omitted_files::{OmissionReason, OmittedFiles};
use serde::Serialize;
use tokio::time::sleep;
use tracing::warn;
use walkdir::WalkDir;

use crate::redaction::{MASK, Redactor};
use crate::scrubbed_file::{Form, Scrubbed, scrub};
use crate::trial_tree::clean_path;

/// Uploads at the same time (contract 3.8).
const PARALLEL: usize = 8;
/// Pauses before a failed upload is tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// Its presence says that the tree is whole: it is stored when everything else is.
const LAST: &str = "result.json";

/// Tells what was taken out of the tree, if anything was. A file of this name that the trial left is not stored.
const REDACTIONS: &str = "redactions.json";

/// Tells what of the tree is not stored, if anything is not. A file of this name that the trial left is not stored either.
const OMITTED: &str = "omitted.json";
/// Most files that the list of those that are not stored names; all are counted.
const MAX_LISTED: usize = 1000;

/// What was taken out of a tree.
#[derive(Debug, Serialize)]
struct Redactions {
    /// What stands in place of a secret in a text.
    mask: &'static str,
    files: Vec<RedactedFile>,
}

/// A file that is not stored as it was.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct RedactedFile {
    /// Its path in the tree as it is stored.
    path: String,
    /// How many secrets were replaced in its path and its content.
    replacements: u64,
    form: Form,
}

/// What was stored of a tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StoredTree {
    /// How many of its files.
    pub files: usize,
    /// What of it is not stored; none when all is.
    pub omitted: Option<OmittedFiles>,
}

impl StoredTree {
    /// Whether there is nothing in the store.
    pub fn is_empty(&self) -> bool {
        self.files == 0 && self.omitted.is_none()
    }
}

/// Stores every regular file below `folder` under `prefix`, which ends in a slash, and tells what was stored.
///
/// Links are not followed. A file that can't be stored because of its name, or not be read, is left out: it must not cost the
/// trial its result. The object `omitted.json` in the tree then names it:
/// `{"files": 1, "bytes": 5, "reasons": {"too_deep": 1}, "list": [{"path": "a/b", "bytes": 5, "reason": "too_deep"}]}`. The list has
/// 1000 files at the most. Of a path that is not UTF-8, each byte beyond it stands as `\xe9`.
///
/// Secrets are taken out of the content and the path of each file, but for the names and keys that the tree is read by. Where there were some, the object `redactions.json` in
/// the tree tells which files are not as they were:
/// `{"mask": "[redacted]", "files": [{"path": "config.json", "replacements": 1, "form": "text"}]}`. The form is `text`
/// where the mask stands for each secret, `binary` where asterisks do, one for each byte, `whole_file` where the mask
/// stands for the whole of a JSON file, and `path` where only the path held secrets.
pub async fn upload_tree(
    store: &SharedStore,
    prefix: &str,
    folder: &Path,
    redactor: &Redactor,
) -> Result<StoredTree, StoreError> {
    let root = folder.to_path_buf();
    let Found { files, mut omitted } =
        tokio::task::spawn_blocking(move || look_through(&root)).await.unwrap_or_default();
    let mut names = BTreeSet::from([REDACTIONS.to_owned(), OMITTED.to_owned()]);
    let mut uploads: Vec<Upload> = Vec::with_capacity(files.len());
    let mut last = None;
    for file in files {
        let (name, in_name) = clean_name(redactor, &file.name, &mut names);
        match Key::parse(format!("{prefix}{name}")) {
            Ok(key) if name == LAST => last = Some(Upload { key, file, name, in_name }),
            Ok(key) => uploads.push(Upload { key, file, name, in_name }),
            Err(error) => omitted.push(Omitted { path: name, bytes: file.bytes, reason: reason_of(error.fault()) }),
        }
    }
    // Beside the trial's folder: on the same disk, and gone with it.
    let copies = folder.parent().unwrap_or(folder);
    let mut stored = StoredTree::default();
    let mut redacted = Vec::new();
    let mut kept = stream::iter(uploads)
        .map(|file| async move {
            let (content, redacted) = file.clean(redactor, copies).await?;
            let is_stored = content.store(store, &file.key).await?;
            Ok::<_, StoreError>((file, is_stored, redacted))
        })
        .buffer_unordered(PARALLEL);
    while let Some((file, is_stored, is_redacted)) = kept.try_next().await? {
        if is_stored {
            stored.files += 1;
            redacted.extend(is_redacted);
        } else {
            omitted.push(file.unreadable());
        }
    }
    drop(kept);
    let last = match last {
        Some(file) => match file.clean(redactor, copies).await? {
            (Content::Unreadable, _) => {
                omitted.push(file.unreadable());
                None
            }
            (content, is_redacted) => {
                redacted.extend(is_redacted);
                Some((file.key, content))
            }
        },
        None => None,
    };
    if !redacted.is_empty() {
        redacted.sort();
        let redactions = serde_json::json!(Redactions { mask: MASK, files: redacted });
        put_json(store, &format!("{prefix}{REDACTIONS}"), &redactions).await?;
    }
    if !omitted.is_empty() {
        let list = OmittedList::of(omitted, redactor);
        put_json(store, &format!("{prefix}{OMITTED}"), &serde_json::json!(list)).await?;
        stored.omitted = Some(list.count);
    }
    if let Some((key, content)) = last {
        stored.files += usize::from(content.store(store, &key).await?);
    }
    Ok(stored)
}

async fn put_json(store: &SharedStore, key: &str, value: &serde_json::Value) -> Result<(), StoreError> {
    let (key, text) = (Key::parse(key)?, value.to_string());
    repeat(&key, async || store.put(&key, text.clone().into()).await).await.map(drop)
}

/// A file that is not stored.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Omitted {
    /// Its path in the tree.
    path: String,
    bytes: u64,
    reason: OmissionReason,
}

/// The content of `omitted.json`.
#[derive(Debug, Serialize)]
struct OmittedList {
    #[serde(flatten)]
    count: OmittedFiles,
    list: Vec<Omitted>,
}

impl OmittedList {
    fn of(mut list: Vec<Omitted>, redactor: &Redactor) -> Self {
        let mut count = OmittedFiles::default();
        for omitted in &mut list {
            count.add(omitted.reason, omitted.bytes);
            omitted.path = redactor.text(&omitted.path);
        }
        list.sort();
        list.truncate(MAX_LISTED);
        Self { count, list }
    }
}

/// Why the store can't have a file of this name.
const fn reason_of(fault: KeyFault) -> OmissionReason {
    match fault {
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

/// The name without secrets and unlike all others, and how many secrets it had.
fn clean_name(redactor: &Redactor, name: &str, names: &mut BTreeSet<String>) -> (String, u64) {
    let (clean, replaced) = clean_path(redactor, name);
    let mut unique = clean.clone();
    // Only names that were changed can be taken; those that were not come before them or are told apart here too.
    for number in 2.. {
        if names.insert(unique.clone()) {
            break;
        }
        unique = format!("{clean}.{number}");
    }
    (unique, replaced)
}

/// A file to store.
struct Upload {
    key: Key,
    file: FoundFile,
    name: String,
    /// Secrets that its name had.
    in_name: u64,
}

/// What is stored of a file.
enum Content {
    /// The file as it is.
    AsItIs(PathBuf),
    /// A copy without secrets.
    Scrubbed(Scrubbed),
    /// Nothing, since it can't be read.
    Unreadable,
}

impl Upload {
    /// What to store of the file, and what was taken out of it.
    async fn clean(&self, redactor: &Redactor, copies: &Path) -> Result<(Content, Option<RedactedFile>), StoreError> {
        let (path, copies, redactor) = (self.file.path.clone(), copies.to_path_buf(), redactor.clone());
        let scrubbed = tokio::task::spawn_blocking(move || scrub(&redactor, &path, &copies)).await;
        let scrubbed = scrubbed.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
        let redacted = |replacements, form| {
            (replacements > 0).then(|| RedactedFile { path: self.name.clone(), replacements, form })
        };
        match scrubbed.map_err(|error| StoreError::io("looking for secrets in", &self.name, error)) {
            Ok(None) => Ok((Content::AsItIs(self.file.path.clone()), redacted(self.in_name, Form::Path))),
            Ok(Some(scrubbed)) => {
                let redacted = redacted(self.in_name + scrubbed.replaced, scrubbed.form);
                Ok((Content::Scrubbed(scrubbed), redacted))
            }
            Err(error) if is_unreadable(&error) => {
                warn!(error = &error as &dyn std::error::Error, "a file of the trial is not stored");
                Ok((Content::Unreadable, None))
            }
            Err(error) => Err(error),
        }
    }

    fn unreadable(&self) -> Omitted {
        Omitted { path: self.name.clone(), bytes: self.file.bytes, reason: OmissionReason::Unreadable }
    }
}

impl Content {
    /// Stores it, and tells whether it could be read.
    async fn store(&self, store: &SharedStore, key: &Key) -> Result<bool, StoreError> {
        let path = match self {
            Self::AsItIs(path) => path,
            Self::Scrubbed(scrubbed) => scrubbed.copy.path(),
            Self::Unreadable => return Ok(false),
        };
        repeat(key, async || store.put_file(key, path).await).await
    }
}

/// Stores an object, and tries again where the store is to blame. Tells whether it is stored: it is not where the file can't be read.
async fn repeat(key: &Key, put: impl AsyncFn() -> Result<(), StoreError>) -> Result<bool, StoreError> {
    for pause in PAUSES {
        match put().await {
            Err(error) if is_unreadable(&error) => {
                warn!(error = &error as &dyn std::error::Error, "a file of the trial is not stored");
                return Ok(false);
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, %key, "cannot store a file; trying again");
                sleep(pause).await;
            }
            Ok(()) => return Ok(true),
        }
    }
    put().await.map(|()| true)
}

/// Whether the file is to blame, and not the store. A file may be readable by the sandbox's users only, and something else may lie
/// in its place by now.
fn is_unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. }
        if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound | io::ErrorKind::InvalidInput))
}

/// A regular file.
struct FoundFile {
    path: PathBuf,
    /// Its path in the tree.
    name: String,
    bytes: u64,
}

/// What is in a folder.
#[derive(Default)]
struct Found {
    files: Vec<FoundFile>,
    omitted: Vec<Omitted>,
}

fn look_through(folder: &Path) -> Found {
    let mut found = Found::default();
    for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        let (path, kind, bytes) = match &entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => (entry.path(), Some(entry.file_type()), entry.metadata().map_or(0, |metadata| metadata.len())),
            Err(error) => (error.path().unwrap_or(folder), None, 0),
        };
        let relative = path.strip_prefix(folder).unwrap_or(path);
        let reason = match (kind, relative.to_str()) {
            (Some(kind), Some(name)) if kind.is_file() && ![REDACTIONS, OMITTED].contains(&name) => {
                found.files.push(FoundFile { path: path.to_path_buf(), name: name.to_owned(), bytes });
                continue;
            }
            (None, _) => OmissionReason::Unreadable,
            (Some(kind), _) if kind.is_symlink() => OmissionReason::Link,
            (Some(kind), _) if !kind.is_file() => OmissionReason::NotAFile,
            (_, None) => OmissionReason::NameNotUtf8,
            (_, Some(_)) => OmissionReason::NameTaken,
        };
        found.omitted.push(Omitted {
            path: shown(relative),
            bytes: if reason == OmissionReason::Link { 0 } else { bytes },
            reason,
        });
    }
    found
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

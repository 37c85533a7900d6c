//! Storing the folder that a trial left, without the secrets in it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use oddish_artifacts::{Key, SharedStore, StoreError};
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

/// Stores every regular file below `folder` under `prefix`, which ends in a slash, and tells how many there were.
///
/// Links are not followed. A file that can't be stored because of its name, or not be read, is left out with a warning:
/// it must not cost the trial its result.
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
) -> Result<usize, StoreError> {
    let root = folder.to_path_buf();
    let files = tokio::task::spawn_blocking(move || regular_files(&root)).await.unwrap_or_default();
    let mut names = BTreeSet::from([REDACTIONS.to_owned()]);
    let mut uploads: Vec<Upload> = Vec::with_capacity(files.len());
    let mut last = None;
    for path in files {
        let Ok(relative) = path.strip_prefix(folder) else { continue };
        let Some(name) = relative.to_str().filter(|name| *name != REDACTIONS) else {
            warn!(file = redactor.text(&relative.to_string_lossy()), "not stored: its name is not UTF-8, or taken");
            continue;
        };
        let (name, in_name) = clean_name(redactor, name, &mut names);
        match Key::parse(format!("{prefix}{name}")) {
            Ok(key) if name == LAST => last = Some(Upload { key, path, name, in_name }),
            Ok(key) => uploads.push(Upload { key, path, name, in_name }),
            Err(error) => warn!(%error, "a file of the trial is not stored"),
        }
    }
    let count = uploads.len() + usize::from(last.is_some());
    // Beside the trial's folder: on the same disk, and gone with it.
    let copies = folder.parent().unwrap_or(folder);
    let mut redacted: Vec<RedactedFile> = stream::iter(uploads)
        .map(|file| async move {
            let (content, redacted) = file.clean(redactor, copies).await?;
            content.store(store, &file.key).await?;
            Ok::<_, StoreError>(redacted)
        })
        .buffer_unordered(PARALLEL)
        .try_filter_map(async |redacted| Ok(redacted))
        .try_collect()
        .await?;
    let last = match last {
        Some(file) => {
            let (content, is_redacted) = file.clean(redactor, copies).await?;
            redacted.extend(is_redacted);
            Some((file.key, content))
        }
        None => None,
    };
    if !redacted.is_empty() {
        redacted.sort();
        let text = serde_json::json!(Redactions { mask: MASK, files: redacted }).to_string();
        let key = Key::parse(format!("{prefix}{REDACTIONS}"))?;
        repeat(&key, async || store.put(&key, text.clone().into()).await).await?;
    }
    if let Some((key, content)) = last {
        content.store(store, &key).await?;
    }
    Ok(count)
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
    path: PathBuf,
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
        let (path, copies, redactor) = (self.path.clone(), copies.to_path_buf(), redactor.clone());
        let scrubbed = tokio::task::spawn_blocking(move || scrub(&redactor, &path, &copies)).await;
        let scrubbed = scrubbed.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
        let redacted = |replacements, form| {
            (replacements > 0).then(|| RedactedFile { path: self.name.clone(), replacements, form })
        };
        match scrubbed.map_err(|error| StoreError::io("looking for secrets in", &self.name, error)) {
            Ok(None) => Ok((Content::AsItIs(self.path.clone()), redacted(self.in_name, Form::Path))),
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
}

impl Content {
    async fn store(&self, store: &SharedStore, key: &Key) -> Result<(), StoreError> {
        let path = match self {
            Self::AsItIs(path) => path,
            Self::Scrubbed(scrubbed) => scrubbed.copy.path(),
            Self::Unreadable => return Ok(()),
        };
        repeat(key, async || store.put_file(key, path).await).await
    }
}

/// Stores an object, and tries again where the store is to blame.
async fn repeat(key: &Key, put: impl AsyncFn() -> Result<(), StoreError>) -> Result<(), StoreError> {
    for pause in PAUSES {
        match put().await {
            Err(error) if is_unreadable(&error) => {
                warn!(error = &error as &dyn std::error::Error, "a file of the trial is not stored");
                return Ok(());
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, %key, "cannot store a file; trying again");
                sleep(pause).await;
            }
            Ok(()) => return Ok(()),
        }
    }
    put().await
}

/// Whether the file is to blame, and not the store. A file may be readable by the sandbox's users only.
fn is_unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. }
        if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound))
}

fn regular_files(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_map(|entry| entry.inspect_err(|error| warn!(%error, "a part of the trial's folder is not stored")).ok())
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

//! Storing the folder that a trial left, without the secrets in it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use oddish_artifacts::{Key, SharedStore, StoreError};
use oddish_domain::omitted_files::{OmissionReason, OmittedFiles};
use serde::Serialize;
use tokio::time::sleep;
use tracing::warn;

use crate::left_tree::{Found, FoundFile, OMITTED, Omitted, REDACTIONS, look_through, unfit_name};
use crate::redaction::{MASK, Redactor};
use crate::scrubbed_file::{Form, Original, Scrubbed, scrub};
use crate::settings::TreeBounds;
use crate::trial_tree::clean_path;

/// Uploads at the same time (docs/compatibility.md, 3.7).
const PARALLEL: usize = 8;
/// Pauses before a failed upload is tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

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
/// The files by which a trial is judged go first (`trial_tree`), so that they are there where the others are too many or too long, or storing them is
/// stopped. Links are not followed. A file that can't be stored because of its name, or not be read, is left out, and so is what goes
/// beyond the bounds: it must not cost the trial its result. The object `omitted.json` in the tree then names it:
/// `{"files": 1, "bytes": 5, "reasons": {"too_deep": 1}, "list": [{"path": "a/b", "bytes": 5, "reason": "too_deep"}]}`. The list has
/// 1000 files at most. Of a path that is not UTF-8, each byte beyond it stands as `\xe9`.
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
    bounds: TreeBounds,
) -> Result<StoredTree, StoreError> {
    // What runs on other threads ends when this goes.
    let waiting = Arc::new(());
    let waited = Arc::downgrade(&waiting);
    let (root, below) = (folder.to_path_buf(), prefix.to_owned());
    let looked = tokio::task::spawn_blocking(move || look_through(&root, &below, bounds, &waited));
    let Found { files, mut omitted } = looked.await.unwrap_or_default();
    let mut names = BTreeSet::from([REDACTIONS.to_owned(), OMITTED.to_owned()]);
    let mut uploads: Vec<Upload> = Vec::with_capacity(files.len());
    for FoundFile { path, name, bytes } in files {
        let (name, in_name) = clean_name(redactor, &name, &mut names);
        match Key::parse(format!("{prefix}{name}")) {
            Ok(key) => {
                let original = Original { path, bytes, waiting: Arc::downgrade(&waiting) };
                uploads.push(Upload { key, original, name, in_name });
            }
            Err(error) => omitted.add(Omitted { path: name, bytes, reason: unfit_name(&error) }),
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
            omitted.add(file.unreadable());
        }
    }
    drop(kept);
    if !redacted.is_empty() {
        redacted.sort();
        let redactions = serde_json::json!(Redactions { mask: MASK, files: redacted });
        put_json(store, &format!("{prefix}{REDACTIONS}"), &redactions).await?;
    }
    if !omitted.is_empty() {
        let omitted = omitted.redacted(redactor);
        put_json(store, &format!("{prefix}{OMITTED}"), &serde_json::json!(omitted)).await?;
        stored.omitted = Some(omitted.count);
    }
    Ok(stored)
}

async fn put_json(store: &SharedStore, key: &str, value: &serde_json::Value) -> Result<(), StoreError> {
    let (key, text) = (Key::parse(key)?, value.to_string());
    repeat(&key, async || store.put(&key, text.clone().into()).await).await.map(drop)
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
    original: Original,
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
        let (original, copies, redactor) = (self.original.clone(), copies.to_path_buf(), redactor.clone());
        let scrubbed = tokio::task::spawn_blocking(move || scrub(&redactor, &original, &copies)).await;
        let scrubbed = scrubbed.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
        let redacted = |replacements, form| {
            (replacements > 0).then(|| RedactedFile { path: self.name.clone(), replacements, form })
        };
        match scrubbed.map_err(|error| StoreError::io("looking for secrets in", &self.name, error)) {
            Ok(None) => Ok((Content::AsItIs(self.original.path.clone()), redacted(self.in_name, Form::Path))),
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
        Omitted { path: self.name.clone(), bytes: self.original.bytes, reason: OmissionReason::Unreadable }
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

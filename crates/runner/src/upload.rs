//! Storing the folder that a trial left.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use oddish_artifacts::{Key, SharedStore, StoreError};
use tokio::time::sleep;
use tracing::warn;
use walkdir::WalkDir;

/// Uploads at the same time (contract 3.8).
const PARALLEL: usize = 8;
/// Pauses before a failed upload is tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// Its presence says that the tree is whole: it is stored when everything else is.
const LAST: &str = "result.json";

/// Stores every regular file below `folder` under `prefix`, which ends in a slash, and tells how many there were.
///
/// Links are not followed. A file that can't be stored because of its name, or not be read, is left out with a warning:
/// it must not cost the trial its result.
pub async fn upload_tree(store: &SharedStore, prefix: &str, folder: &Path) -> Result<usize, StoreError> {
    let root = folder.to_path_buf();
    let files = tokio::task::spawn_blocking(move || regular_files(&root)).await.unwrap_or_default();
    let mut uploads: Vec<(Key, PathBuf)> = Vec::with_capacity(files.len());
    let mut last = None;
    for path in files {
        let Ok(relative) = path.strip_prefix(folder) else { continue };
        let Some(name) = relative.to_str() else {
            warn!(file = %relative.display(), "not stored: its name is not UTF-8");
            continue;
        };
        match Key::parse(format!("{prefix}{name}")) {
            Ok(key) if name == LAST => last = Some((key, path)),
            Ok(key) => uploads.push((key, path)),
            Err(error) => warn!(%error, "a file of the trial is not stored"),
        }
    }
    let count = uploads.len() + usize::from(last.is_some());
    stream::iter(uploads)
        .map(|(key, path)| async move { upload(store, &key, &path).await })
        .buffer_unordered(PARALLEL)
        .try_collect::<()>()
        .await?;
    if let Some((key, path)) = last {
        upload(store, &key, &path).await?;
    }
    Ok(count)
}

async fn upload(store: &SharedStore, key: &Key, path: &Path) -> Result<(), StoreError> {
    for pause in PAUSES {
        match store.put_file(key, path).await {
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
    store.put_file(key, path).await
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

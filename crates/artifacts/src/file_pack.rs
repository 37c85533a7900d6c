//! Many files in one object, one after the other, so that each can be read by its range without the others.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::local_file::open_regular;
use crate::store::StoreError;

/// Files that were put one after the other.
#[derive(Debug)]
pub struct FilePack {
    /// Their contents together.
    pub content: NamedTempFile,
    /// What is where in it, in the order of the contents.
    pub files: Vec<PackedFile>,
}

/// Where a file lies in a [`FilePack`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Path below the folder that it was in.
    pub path: String,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// Moves the files at `paths` below `folder` into a pack: each is deleted once it was copied, so that all of them together
/// never lie on the disk twice.
pub async fn pack_files(folder: &Path, paths: Vec<String>) -> Result<FilePack, StoreError> {
    let folder = folder.to_path_buf();
    let work = move || {
        let mut content = NamedTempFile::new().map_err(|error| StoreError::io("writing", "a file pack", error))?;
        let mut files = Vec::with_capacity(paths.len());
        let mut start = 0;
        for path in paths {
            let size = take(&folder.join(&path), content.as_file_mut())
                .map_err(|error| StoreError::io("packing", path.as_str(), error))?;
            files.push(PackedFile { path, start, size });
            start += size;
        }
        content.flush().map_err(|error| StoreError::io("writing", "a file pack", error))?;
        Ok(FilePack { content, files })
    };
    let stopped = |error| StoreError::io("writing", "a file pack", io::Error::other(error));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(stopped(error)))
}

fn take(path: &Path, target: &mut File) -> io::Result<u64> {
    let size = io::copy(&mut open_regular(path)?, target)?;
    fs::remove_file(path)?;
    Ok(size)
}

//! SHA-256 of files and of task folders.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// Why a hash could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// A file or folder could not be read.
    #[error("could not read `{}` for its hash", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A name is not UTF-8, and the hash is defined over UTF-8 names only.
    #[error("the name of `{}` is not valid UTF-8: rename it", path.display())]
    NonUtf8Name {
        /// The file.
        path: PathBuf,
    },
}

/// The content hash of a task folder (docs/compatibility.md, 2.4): 64 lower-case hex digits.
///
/// It covers the relative path and the bytes of every regular file, hidden ones too. Links to files count as the files
/// that they point to, links to folders as those folders; broken ones, and those that go round in circles, don't count. Modes, times and empty folders
/// make no difference. Files are taken in the order of their path's parts, so that `a/x` comes before `a-b/x`.
///
/// It is what published clients announce an upload with, and tells that what arrived is what was sent. It does not tell
/// two tasks apart: nothing marks where a path ends and its bytes begin, and modes count when a task runs. That is what
/// the SHA-256 of its archive is for ([`PackSummary::sha256`](crate::archive::PackSummary::sha256)).
pub async fn content_hash(dir: &Path) -> Result<String, HashError> {
    let dir = dir.to_path_buf();
    blocking(dir.clone(), move || hash_folder(&dir)).await
}

/// The SHA-256 of a file's bytes: 64 lower-case hex digits.
pub async fn sha256_file(path: &Path) -> Result<String, HashError> {
    let path = path.to_path_buf();
    blocking(path.clone(), move || {
        let mut hash = Sha256::new();
        hash_file(&path, &mut hash)?;
        Ok(hex(hash))
    })
    .await
}

async fn blocking(
    path: PathBuf,
    work: impl FnOnce() -> Result<String, HashError> + Send + 'static,
) -> Result<String, HashError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => Err(HashError::Read { path, source: io::Error::other(stopped) }),
    }
}

fn hash_folder(dir: &Path) -> Result<String, HashError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(dir).min_depth(1).follow_links(true) {
        if entry.as_ref().is_err_and(|error| error.path().is_some_and(Path::is_symlink)) {
            continue;
        }
        let entry = entry.map_err(|error| HashError::Read {
            path: error.path().unwrap_or(dir).to_path_buf(),
            source: error.into(),
        })?;
        if entry.file_type().is_file() {
            files.push((name_parts(dir, entry.path())?, entry.into_path()));
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for (parts, path) in &files {
        hash.update(parts.join("/"));
        hash_file(path, &mut hash)?;
    }
    Ok(hex(hash))
}

/// The digits of a hash that has seen everything.
pub(crate) fn hex(hash: Sha256) -> String {
    format!("{:x}", Bytes::copy_from_slice(&hash.finalize()))
}

fn name_parts(dir: &Path, path: &Path) -> Result<Vec<String>, HashError> {
    path.strip_prefix(dir)
        .unwrap_or(path)
        .iter()
        .map(|part| part.to_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or_else(|| HashError::NonUtf8Name { path: path.to_path_buf() })
}

fn hash_file(path: &Path, hash: &mut Sha256) -> Result<(), HashError> {
    let failed = |source| HashError::Read { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(()),
            read => hash.update(&buffer[..read]),
        }
    }
}

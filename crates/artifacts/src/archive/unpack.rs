//! Writing an archive's contents to the disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::members::{Members, Sink, read_members};
use super::{ArchiveError, UnpackLimits};

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackSummary {
    /// Number of files.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Paths of the files below the folder, sorted.
    pub paths: Vec<String>,
}

/// Unpacks the archive into the folder `dest`, which must not exist yet, or be empty; the folders above it are made.
///
/// Files get mode 0644, or 0755 where the archive marks them as executable by their owner, and folders the usual mode,
/// less what the process's umask takes away. `dest` appears when everything is in it: after an error, or when the caller
/// stops waiting, it is as it was before.
pub async fn unpack(
    reader: impl AsyncRead + Send,
    dest: &Path,
    limits: &UnpackLimits,
) -> Result<UnpackSummary, ArchiveError> {
    let parent = dest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    let beside = blocking(dest, move || {
        fs::create_dir_all(&parent)?;
        tempfile::Builder::new().prefix(".unpack-").tempdir_in(&parent)
    })
    .await?;
    let beside = Arc::new(beside);
    let read = read_members(reader, limits, &mut Disk { folder: Arc::clone(&beside) }).await;
    let target = dest.to_path_buf();
    // Ends with `beside`, which removes what was not moved.
    let placed = blocking(dest, move || match read {
        Ok(members) => fs::rename(beside.path(), target).map(|()| Ok(members)),
        Err(error) => Ok(Err(error)),
    })
    .await?;
    let Members { files: paths, bytes, .. } = placed?;
    Ok(UnpackSummary { files: paths.len() as u64, bytes, paths })
}

/// Does file work off the threads that serve other tasks.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ArchiveError> {
    let result = tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
    result.map_err(|source| ArchiveError::Io { path: path.to_path_buf(), source })
}

/// Writes members below a folder that was empty before and that nobody else writes to, so no link can lie in their way.
struct Disk {
    /// Held by every piece of file work too: the last one to end, also after the caller gave up, removes the folder.
    folder: Arc<TempDir>,
}

impl Disk {
    async fn blocking<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let (folder, path) = (Arc::clone(&self.folder), self.folder.path().join(path));
        let shown = path.clone();
        blocking(&shown, move || {
            let result = work(&path);
            drop(folder);
            result
        })
        .await
    }
}

#[async_trait]
impl Sink for Disk {
    async fn folder(&mut self, path: &str) -> Result<(), ArchiveError> {
        self.blocking(path, make_folders).await
    }

    async fn file(
        &mut self,
        path: &str,
        executable: bool,
        _size: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), ArchiveError> {
        let failed = |source| ArchiveError::Io { path: self.folder.path().join(path), source };
        let mut file = tokio::fs::File::from_std(self.blocking(path, move |path| create_file(path, executable)).await?);
        let mut buffer = Vec::with_capacity(256 * 1024);
        loop {
            buffer.clear();
            while buffer.len() < buffer.capacity() {
                if content.read_buf(&mut buffer).await.map_err(ArchiveError::unreadable)? == 0 {
                    break;
                }
            }
            if buffer.is_empty() {
                return file.flush().await.map_err(failed);
            }
            file.write_all(&buffer).await.map_err(failed)?;
        }
    }
}

fn create_file(path: &Path, executable: bool) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        make_folders(parent)?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn make_folders(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).create(path)
}

//! Writing an archive's contents to the disk.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::members::{Members, Sink, read_members};
use super::{ArchiveError, PERMISSIONS, UnpackLimits};

/// Rights of the owner to a file, whatever its mode is: the unpacking user reads it.
const OWNER_OF_FILE: u32 = 0o400;
/// What the owner must be able to do with a folder: it is filled, read and removed.
const OWNER_OF_FOLDER: u32 = 0o700;

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
/// Files and folders get the permissions that the archive gives them, whatever the process's umask: without the
/// set-user-id, set-group-id and sticky bits, and never so few that their owner could not read a file, or read, fill and
/// remove a folder. Folders that no member names get the usual mode. `dest` itself is the owner's alone, so that
/// permissions for others open nothing on this machine. It appears when everything is in it: after an error, or when the
/// caller stops waiting, it is as it was before.
pub async fn unpack(
    reader: impl AsyncRead + Send,
    dest: &Path,
    limits: &UnpackLimits,
) -> Result<UnpackSummary, ArchiveError> {
    let parent = dest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    let beside = blocking(dest, move || {
        fs::create_dir_all(&parent)?;
        let own = Permissions::from_mode(OWNER_OF_FOLDER);
        tempfile::Builder::new().prefix(".unpack-").permissions(own).tempdir_in(&parent)
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
    async fn folder(&mut self, path: &str, mode: u32) -> Result<(), ArchiveError> {
        let permissions = permissions(mode, OWNER_OF_FOLDER);
        self.blocking(path, move |path| make_folders(path).and_then(|()| fs::set_permissions(path, permissions))).await
    }

    async fn file(
        &mut self,
        path: &str,
        mode: u32,
        _size: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), ArchiveError> {
        let failed = |source| ArchiveError::Io { path: self.folder.path().join(path), source };
        let permissions = permissions(mode, OWNER_OF_FILE);
        let file = self.blocking(path, move |path| create_file(path, permissions)).await?;
        let mut file = tokio::fs::File::from_std(file);
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

/// What a member's mode comes to here.
fn permissions(mode: u32, owner: u32) -> Permissions {
    Permissions::from_mode((mode & PERMISSIONS) | owner)
}

fn create_file(path: &Path, permissions: Permissions) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        make_folders(parent)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // The umask has no say in this one.
    file.set_permissions(permissions)?;
    Ok(file)
}

fn make_folders(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).create(path)
}

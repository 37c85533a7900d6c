//! Looking into an archive without writing to the disk.

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::members::{Members, Sink, read_members};
use super::{ArchiveError, UnpackLimits};

/// Largest `task.toml` that is read, in bytes.
const MAX_TASK_TOML_BYTES: u64 = 1024 * 1024;

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Paths of the files, sorted; the task's `task.toml` is just that.
    pub paths: Vec<String>,
    /// Paths of the folders, sorted, without a slash at the end; those that are only implied by a file's path too.
    pub folders: Vec<String>,
    /// Content of the `task.toml` at the top level, where there is one.
    pub task_toml: Option<String>,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Number of files.
    pub files: u64,
}

/// Reads the archive to its end under the same rules as [`unpack`](super::unpack()), and tells what it holds. A
/// `task.toml` of more than 1 MiB, or one that is not UTF-8, is refused.
pub async fn inspect(reader: impl AsyncRead + Send, limits: &UnpackLimits) -> Result<Listing, ArchiveError> {
    let mut sink = TaskToml(None);
    let Members { files: paths, folders, bytes } = read_members(reader, limits, &mut sink).await?;
    Ok(Listing { files: paths.len() as u64, paths, folders, task_toml: sink.0, bytes })
}

struct TaskToml(Option<String>);

#[async_trait]
impl Sink for TaskToml {
    async fn folder(&mut self, _path: &str, _mode: u32) -> Result<(), ArchiveError> {
        Ok(())
    }

    async fn file(
        &mut self,
        path: &str,
        _mode: u32,
        size: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), ArchiveError> {
        if path != "task.toml" {
            return Ok(());
        }
        if size > MAX_TASK_TOML_BYTES {
            return Err(ArchiveError::TaskTomlTooLarge { limit: MAX_TASK_TOML_BYTES });
        }
        let mut text = Vec::new();
        content.read_to_end(&mut text).await.map_err(ArchiveError::unreadable)?;
        self.0 = Some(String::from_utf8(text).map_err(|_| ArchiveError::TaskTomlNotText)?);
        Ok(())
    }
}

//! Making an archive of a folder.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_compression::Level;
use async_compression::tokio::write::GzipEncoder;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_tar::{Builder, EntryType, Header};

use super::contents::{Member, contents};
use super::hashed::Hashed;
use super::{PERMISSIONS, PackError};

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSummary {
    /// Number of files.
    pub files: u64,
    /// Bytes of all files together, before compression.
    pub bytes: u64,
    /// SHA-256 of the archive: 64 lower-case hex digits. Two folders that one version of this code packs have the same one
    /// exactly when they hold the same names with the same contents and permissions.
    pub sha256: String,
}

/// Writes the contents of the folder `dir` to `out` as a gzip-compressed tar, and closes `out`.
///
/// The same contents give the same bytes: members are sorted, without times and owners. Files and folders keep their
/// permissions as they are, without the set-user-id, set-group-id and sticky bits: those are about owners, and in a
/// sandbox the owner is another. Hidden files are packed like others. A symbolic link to a file or folder inside the
/// folder is packed as what it names; any other link, device, pipe or socket is an error.
pub async fn pack(dir: &Path, out: impl AsyncWrite + Send) -> Result<PackSummary, PackError> {
    let failed = |source| PackError::Io { path: dir.to_path_buf(), source };
    let folder = dir.to_path_buf();
    let members = tokio::task::spawn_blocking(move || contents(&folder))
        .await
        .unwrap_or_else(|stopped| Err(failed(io::Error::other(stopped))))?;

    let (mut files, mut bytes) = (0, 0);
    let out = pin!(out);
    let mut out = Hashed::new(out);
    let encoder = GzipEncoder::with_quality(&mut out, Level::Fastest);
    let mut tar = Builder::new_non_terminated(Unflushed(encoder));
    for member in &members {
        if member.is_folder {
            append_folder(&mut tar, member).await?;
        } else {
            bytes += append_file(&mut tar, member).await?;
            files += 1;
        }
    }
    let Unflushed(mut encoder) = tar.into_inner().await.map_err(failed)?;
    encoder.shutdown().await.map_err(failed)?;
    drop(encoder);
    Ok(PackSummary { files, bytes, sha256: out.sha256() })
}

async fn append_folder<W: AsyncWrite + Unpin + Send>(tar: &mut Builder<W>, member: &Member) -> Result<(), PackError> {
    let failed = |source| PackError::Io { path: member.path.clone(), source };
    let found = tokio::fs::metadata(&member.path).await.map_err(failed)?;
    let mut header = header(EntryType::Directory, &found, 0);
    tar.append_data(&mut header, format!("{}/", member.name), tokio::io::empty()).await.map_err(failed)
}

async fn append_file<W: AsyncWrite + Unpin + Send>(tar: &mut Builder<W>, member: &Member) -> Result<u64, PackError> {
    let failed = |source| PackError::Io { path: member.path.clone(), source };
    let file = tokio::fs::File::open(&member.path).await.map_err(failed)?;
    let found = file.metadata().await.map_err(failed)?;
    let size = found.len();
    let mut header = header(EntryType::Regular, &found, size);
    let mut content = BufReader::with_capacity(256 * 1024, file.take(size));
    tar.append_data(&mut header, &member.name, &mut content).await.map_err(failed)?;
    // The header was written before the content: both must be of one state of the file.
    let shrank = content.get_ref().limit() > 0;
    let mut rest = content.into_inner().into_inner();
    let grew = rest.read(&mut [0]).await.map_err(failed)? > 0;
    if shrank || grew {
        return Err(PackError::Changed { path: PathBuf::from(&member.name) });
    }
    Ok(size)
}

fn header(entry_type: EntryType, found: &Metadata, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_mode(found.permissions().mode() & PERMISSIONS);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Passes no flush on to the compressor.
///
/// Copying flushes whenever the file is slow to read, and each flush leaves its mark in the compressed stream: the bytes
/// would depend on the machine's load.
struct Unflushed<W>(W);

impl<W: AsyncWrite + Unpin> AsyncWrite for Unflushed<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

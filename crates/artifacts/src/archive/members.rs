//! Reading an untrusted archive member by member, each checked before its content is handed on.
//!
//! Headers are read one by one in the order in which they lie in the archive, and the extension records (GNU long names,
//! pax) are put together here, because only so their size and number can be bounded.

use std::pin::pin;

use async_compression::tokio::bufread::GzipDecoder;
use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio_tar::{Archive, Entry, EntryType};

use super::name::plain_path;
use super::taken::{Kind, TakenPaths};
use super::{ArchiveError, UnpackLimits};
use crate::key::shown;

/// Longest extension record, in bytes. A path may take [`UnpackLimits::path_bytes`]; the rest is times and owners.
const MAX_EXTENSION_BYTES: u64 = 64 * 1024;
/// Most zero bytes after the end mark of the tar. Writers pad to a record, by custom 10 KiB.
const MAX_PADDING_BYTES: u64 = 1024 * 1024;

/// What is done with the members.
#[async_trait]
pub(super) trait Sink: Send {
    /// A folder at `path`. It comes once at most, and files may come for folders that never do. `mode` is what the sender
    /// says, here as of a file.
    async fn folder(&mut self, path: &str, mode: u32) -> Result<(), ArchiveError>;

    /// A file at `path`; its content need not be read, or not to its end.
    async fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), ArchiveError>;
}

/// What an archive holds, when all of it was read and found good.
pub(super) struct Members {
    /// Paths of the files, sorted.
    pub(super) files: Vec<String>,
    /// Paths of the folders, also of those that are only implied by a file's path, sorted.
    pub(super) folders: Vec<String>,
    /// Bytes of all files together.
    pub(super) bytes: u64,
}

/// Reads the archive to its end and gives every member to `sink`.
pub(super) async fn read_members(
    reader: impl AsyncRead + Send,
    limits: &UnpackLimits,
    sink: &mut impl Sink,
) -> Result<Members, ArchiveError> {
    let reader = pin!(reader);
    let mut decoder = GzipDecoder::new(BufReader::with_capacity(64 * 1024, reader));
    // Without this, whatever follows the first gzip member would go unnoticed.
    decoder.multiple_members(true);
    let mut archive = Archive::new(BufReader::with_capacity(64 * 1024, decoder));
    let mut after_the_end = archive.clone();
    let mut entries = archive.entries_raw().map_err(ArchiveError::unreadable)?;

    let mut budget = Budget { limits, bytes: 0, headers: 0 };
    let mut taken = TakenPaths::default();
    let mut extension = Extension::default();
    let mut bytes = 0;
    while let Some(entry) = entries.next().await {
        let mut entry = entry.map_err(ArchiveError::unreadable)?;
        budget.spend(entry.effective_size())?;
        match entry.header().entry_type() {
            EntryType::GNULongName => extension.read_long_name(&mut entry).await?,
            EntryType::XHeader => extension.read_pax(&mut entry).await?,
            EntryType::XGlobalHeader => {
                budget.count_header()?;
                refuse_global_fields(&mut entry).await?;
            }
            // The target of a link that is to come, and will be refused.
            EntryType::GNULongLink => budget.count_header()?,
            entry_type => {
                budget.count_header()?;
                let (name, size) = std::mem::take(&mut extension).name_and_size(&entry)?;
                refuse_unsupported(entry_type, &name)?;
                let path = plain_path(&name, limits)?;
                let mode = entry.header().mode().map_err(ArchiveError::unreadable)?;
                if entry_type == EntryType::Directory {
                    // Some readers skip a folder's content and others take it for the next header.
                    if size > 0 {
                        return Err(ArchiveError::malformed("a folder has content"));
                    }
                    if !path.is_empty() {
                        taken.take(&path, Kind::Folder, limits)?;
                        sink.folder(&path, mode).await?;
                    }
                    continue;
                }
                if path.is_empty() {
                    return Err(ArchiveError::malformed("a file has no name"));
                }
                // Old tars mark folders in this way, and many readers still make one of it.
                if name.ends_with(b"/") {
                    return Err(ArchiveError::malformed("a file's name ends as a folder's"));
                }
                taken.take(&path, Kind::File, limits)?;
                sink.file(&path, mode, size, &mut entry).await?;
                bytes += size;
            }
        }
    }
    if extension.is_pending() {
        return Err(ArchiveError::malformed("an extension record describes no member"));
    }
    refuse_trailing_data(&mut after_the_end).await?;
    let (files, folders) = taken.into_sorted();
    Ok(Members { files, folders, bytes })
}

/// What the archive has used up so far. Declared sizes are charged before the content is read.
struct Budget<'a> {
    limits: &'a UnpackLimits,
    bytes: u64,
    headers: usize,
}

impl Budget<'_> {
    fn spend(&mut self, size: u64) -> Result<(), ArchiveError> {
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.bytes {
            return Err(ArchiveError::TooLarge { limit: self.limits.bytes });
        }
        Ok(())
    }

    /// Counts a header that is no extension of the next one; of those, there is one of each kind for a member at most.
    fn count_header(&mut self) -> Result<(), ArchiveError> {
        self.headers += 1;
        // One more for the archive's own top folder, which is not an entry.
        if self.headers > self.limits.entries.saturating_add(1) {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.entries });
        }
        Ok(())
    }
}

/// What the records before a member say about it.
#[derive(Default)]
struct Extension {
    long_name: Option<Vec<u8>>,
    pax: Option<Pax>,
}

#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extension {
    fn is_pending(&self) -> bool {
        self.long_name.is_some() || self.pax.is_some()
    }

    async fn read_long_name<R: AsyncRead + Unpin>(&mut self, record: &mut Entry<R>) -> Result<(), ArchiveError> {
        if self.long_name.is_some() {
            return Err(ArchiveError::malformed("two long names describe one member"));
        }
        bounded(record)?;
        let mut name = Vec::new();
        record.read_to_end(&mut name).await.map_err(ArchiveError::unreadable)?;
        name.truncate(name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        self.long_name = Some(name);
        Ok(())
    }

    async fn read_pax<R: AsyncRead + Unpin>(&mut self, record: &mut Entry<R>) -> Result<(), ArchiveError> {
        if self.pax.is_some() {
            return Err(ArchiveError::malformed("two pax records describe one member"));
        }
        bounded(record)?;
        let mut pax = Pax::default();
        let fields = record.pax_extensions().await.map_err(ArchiveError::unreadable)?;
        for field in fields.into_iter().flatten() {
            let field = field.map_err(ArchiveError::unreadable)?;
            let repeated = match field.key_bytes() {
                b"path" => pax.path.replace(field.value_bytes().to_vec()).is_some(),
                b"size" => {
                    let size = field.value().ok().and_then(|value| value.parse().ok());
                    pax.size.replace(size.ok_or(ArchiveError::malformed("a pax size is not a number"))?).is_some()
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    let path = shown(pax.path.as_deref().unwrap_or_default());
                    return Err(ArchiveError::UnsupportedType { path, kind: "sparse file" });
                }
                _ => false,
            };
            if repeated {
                return Err(ArchiveError::malformed("a pax record gives a field twice"));
            }
        }
        self.pax = Some(pax);
        Ok(())
    }

    fn name_and_size<R: AsyncRead + Unpin>(self, member: &Entry<R>) -> Result<(Vec<u8>, u64), ArchiveError> {
        let pax = self.pax.unwrap_or_default();
        let size = member.effective_size();
        // A pax size is for files that the header's field can't express, which are far above every limit here. Where the
        // two differ, readers disagree about where the next member begins.
        if pax.size.is_some_and(|pax_size| pax_size != size) {
            return Err(ArchiveError::malformed("two sizes are given for one member"));
        }
        match (self.long_name, pax.path) {
            (Some(_), Some(_)) => Err(ArchiveError::malformed("two long names describe one member")),
            (Some(name), None) | (None, Some(name)) => Ok((name, size)),
            (None, None) => Ok((member.path_bytes().map_err(ArchiveError::unreadable)?.into_owned(), size)),
        }
    }
}

/// Lets comments for the whole archive pass, as git writes them. A path or size for all members would be read by some and
/// not by others.
async fn refuse_global_fields<R: AsyncRead + Unpin>(record: &mut Entry<R>) -> Result<(), ArchiveError> {
    bounded(record)?;
    let fields = record.pax_extensions().await.map_err(ArchiveError::unreadable)?;
    for field in fields.into_iter().flatten() {
        let field = field.map_err(ArchiveError::unreadable)?;
        if matches!(field.key_bytes(), b"path" | b"size" | b"linkpath") || field.key_bytes().starts_with(b"GNU.sparse.")
        {
            return Err(ArchiveError::malformed("a path or size is given for all members"));
        }
    }
    Ok(())
}

fn bounded<R: AsyncRead + Unpin>(record: &Entry<R>) -> Result<(), ArchiveError> {
    if record.effective_size() > MAX_EXTENSION_BYTES {
        return Err(ArchiveError::malformed("an extension record is too long"));
    }
    Ok(())
}

fn refuse_unsupported(entry_type: EntryType, name: &[u8]) -> Result<(), ArchiveError> {
    let unsupported = |kind| Err(ArchiveError::UnsupportedType { path: shown(name), kind });
    match entry_type {
        EntryType::Regular | EntryType::Directory => Ok(()),
        EntryType::Symlink => Err(ArchiveError::Link { path: shown(name), kind: "symbolic link" }),
        EntryType::Link => Err(ArchiveError::Link { path: shown(name), kind: "hard link" }),
        EntryType::Char | EntryType::Block => unsupported("device"),
        EntryType::Fifo => unsupported("pipe"),
        EntryType::GNUSparse => unsupported("sparse file"),
        _ => unsupported("member of unknown type"),
    }
}

/// Reads what follows the end mark, so that a cut or damaged gzip stream is noticed and nothing can hide there.
async fn refuse_trailing_data(reader: &mut (impl AsyncRead + Unpin)) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; 64 * 1024];
    let mut padding: u64 = 0;
    loop {
        let read = reader.read(&mut buffer).await.map_err(ArchiveError::unreadable)?;
        if read == 0 {
            return Ok(());
        }
        padding += read as u64;
        if padding > MAX_PADDING_BYTES || buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::malformed("data follows the end of the archive"));
        }
    }
}

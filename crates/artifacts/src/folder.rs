//! A store in a folder of this machine: one file per object, at the key's path below the root.

mod listing;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::NamedTempFile;

use crate::key::{Key, TEMPORARY_FOLDER, check_closed_prefix, check_prefix};
use crate::local_file::{open_regular, write_whole};
use crate::own_folder;
use crate::signing::{Method, SigningKey, UrlSigner};
use crate::store::{ArtifactStore, ObjectMeta, SignedUrl, StoreError};

/// Age at which a file in the temporary folder counts as left behind by a process that died.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);
/// How often a write tries again when a delete removed the emptied folder under it.
const WRITE_TRIES: usize = 100;

/// Objects that are listed at a time to be deleted: a trial may have left hundreds of thousands.
const DELETED_AT_ONCE: usize = 10_000;

/// An [`ArtifactStore`] in a folder.
///
/// Any number of processes of one user may use the same folder at once. Contents are written to a file in the hidden
/// folder `.tmp` of the root, flushed to the disk and renamed, so neither a reader nor a crash finds half an object.
/// Symbolic links below the root are never followed. Where S3 can hold both `a` and `a/b`, a folder can't: the second
/// one to come fails.
#[derive(Debug, Clone)]
pub struct FolderStore {
    folder: Arc<Folder>,
    signer: Option<Arc<UrlSigner>>,
}

#[derive(Debug)]
struct Folder {
    root: PathBuf,
}

impl FolderStore {
    /// Opens the store in `root`, which is made (for this user alone) where it does not exist. Blocks; meant for start-up.
    ///
    /// Fails where the folder can't be made or written to, or others may write to it (see [`own_folder`]). Removes what processes that died more than a day ago left
    /// unfinished.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = root.as_ref();
        let failed = |source| StoreError::io("opening the folder", root.display().to_string(), source);
        own_folder::make(root)?;
        let folder = Folder { root: root.canonicalize().map_err(failed)? };
        folder.temporary_file().map_err(failed)?;
        folder.remove_abandoned().map_err(failed)?;
        Ok(Self { folder: Arc::new(folder), signer: None })
    }

    /// The same store, which can also sign URLs below `base_url` (such as `http://localhost:8000`, with or without a
    /// slash at its end). The server of `{base_url}/artifacts/{key}` checks them with [`verify`](crate::signing::verify).
    #[must_use]
    pub fn with_signing(self, key: SigningKey, base_url: impl Into<String>) -> Self {
        Self { signer: Some(Arc::new(UrlSigner::new(key, base_url))), ..self }
    }

    fn signer(&self) -> Result<&UrlSigner, StoreError> {
        self.signer.as_deref().ok_or(StoreError::NoSigning)
    }

    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        key: &str,
        work: impl FnOnce(&Folder) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = Arc::clone(&self.folder);
        match tokio::task::spawn_blocking(move || work(&folder)).await {
            Ok(result) => result,
            Err(stopped) => Err(StoreError::io(what, key, io::Error::other(stopped))),
        }
    }
}

#[async_trait]
impl ArtifactStore for FolderStore {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        let target = key.clone();
        self.run("storing", key.as_str(), move |folder| folder.replace(&target, &mut &bytes[..])).await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        let (target, path) = (key.clone(), path.to_path_buf());
        self.run("storing", key.as_str(), move |folder| {
            let mut source =
                open_regular(&path).map_err(|error| StoreError::io("reading", path.display().to_string(), error))?;
            folder.replace(&target, &mut source)
        })
        .await
    }

    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError> {
        let target = key.clone();
        self.run("storing", key.as_str(), move |folder| folder.create(&target, &bytes)).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.get_range(key, 0..u64::MAX).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let source = key.clone();
        self.run("reading", key.as_str(), move |folder| {
            let mut file = folder.open(&source)?;
            read_range(&mut file, range).map_err(|error| StoreError::io("reading", source.as_str(), error))
        })
        .await
    }

    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        let (source, path) = (key.clone(), path.to_path_buf());
        self.run("reading", key.as_str(), move |folder| {
            let mut object = folder.open(&source)?;
            write_whole(&mut object, &path)
                .map_err(|error| StoreError::io("writing", path.display().to_string(), error))
        })
        .await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        let target = key.clone();
        self.run("looking up", key.as_str(), move |folder| folder.head(&target)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError> {
        check_prefix(prefix)?;
        let (wanted, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.run("listing", prefix, move |folder| {
            folder.refuse_links(&wanted)?;
            listing::list(&folder.root, &wanted, after.as_deref(), limit)
                .map_err(|error| StoreError::io("listing", wanted.as_str(), error))
        })
        .await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError> {
        let (source, target) = (from.clone(), to.clone());
        self.run("copying", to.as_str(), move |folder| {
            let mut object = folder.open(&source)?;
            folder.replace(&target, &mut object)
        })
        .await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        check_closed_prefix(prefix)?;
        let wanted = prefix.to_owned();
        self.run("deleting", prefix, move |folder| folder.delete_prefix(&wanted)).await
    }

    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError> {
        self.signer()?.sign(Method::Get, key, expires_in, None)
    }

    async fn presign_put(
        &self,
        key: &Key,
        expires_in: Duration,
        content_length: Option<u64>,
    ) -> Result<SignedUrl, StoreError> {
        self.signer()?.sign(Method::Put, key, expires_in, content_length)
    }
}

impl Folder {
    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Checks every folder on the way to `key`, and `key` itself, for symbolic links.
    ///
    /// Only this user can write below the root, as was checked when it was opened, so nothing changes between this check and the use of the path but by
    /// the user's own hand.
    fn refuse_links(&self, key: &str) -> Result<(), StoreError> {
        let mut path = self.root.clone();
        for part in key.split('/').filter(|part| !part.is_empty()) {
            path.push(part);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let link = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
                    return Err(StoreError::Link { key: key.to_owned(), link });
                }
                Ok(_) => {}
                Err(error) if is_absence(&error) => return Ok(()),
                Err(error) => return Err(StoreError::io("looking up", key, error)),
            }
        }
        Ok(())
    }

    fn open(&self, key: &Key) -> Result<File, StoreError> {
        self.refuse_links(key.as_str())?;
        match open_regular(&self.path(key.as_str())) {
            Ok(file) => Ok(file),
            Err(error) if is_absence(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                Err(StoreError::NotFound { key: key.clone() })
            }
            Err(error) => Err(StoreError::io("reading", key.as_str(), error)),
        }
    }

    fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.refuse_links(key.as_str())?;
        let failed = |error| StoreError::io("looking up", key.as_str(), error);
        match fs::symlink_metadata(self.path(key.as_str())) {
            Ok(found) if found.is_file() => {
                let modified = found.modified().map_err(failed)?;
                Ok(Some(ObjectMeta { key: key.clone(), size: found.len(), modified }))
            }
            Ok(_) => Ok(None),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn replace(&self, key: &Key, content: &mut impl Read) -> Result<(), StoreError> {
        self.write(key, content, |file, target| file.persist(target)).map(drop)
    }

    fn create(&self, key: &Key, content: &[u8]) -> Result<bool, StoreError> {
        match self.write(key, &mut &content[..], |file, target| file.persist_noclobber(target)) {
            Ok(_) => Ok(true),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(
        &self,
        key: &Key,
        content: &mut impl Read,
        persist: impl Fn(NamedTempFile, &Path) -> Result<File, tempfile::PersistError>,
    ) -> Result<File, StoreError> {
        self.refuse_links(key.as_str())?;
        let failed = |error| StoreError::io("storing", key.as_str(), error);
        let mut file = self.temporary_file().map_err(failed)?;
        io::copy(content, &mut file).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        let target = self.path(key.as_str());
        let mut tries = 1;
        loop {
            // A delete may take the emptied folders away between these two steps, and in the middle of the first.
            let (error, unplaced) = match make_folder(target.parent().unwrap_or(&self.root)) {
                Err(error) => (error, file),
                Ok(()) => match persist(file, &target) {
                    Ok(stored) => return Ok(stored),
                    Err(error) => (error.error, error.file),
                },
            };
            let may_pass = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
            if !may_pass || tries == WRITE_TRIES {
                return Err(failed(error));
            }
            file = unplaced;
            tries += 1;
        }
    }

    fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        self.refuse_links(prefix)?;
        let failed = |error| StoreError::io("deleting", prefix, error);
        let mut deleted = 0;
        let mut last: Option<Key> = None;
        loop {
            let after = last.as_ref().map(Key::as_str);
            let page = listing::list(&self.root, prefix, after, DELETED_AT_ONCE).map_err(failed)?;
            for object in &page {
                match fs::remove_file(self.path(object.key.as_str())) {
                    Ok(()) => deleted += 1,
                    Err(error) if is_absence(&error) => {}
                    Err(error) => return Err(StoreError::io("deleting", object.key.as_str(), error)),
                }
            }
            if page.len() < DELETED_AT_ONCE {
                break;
            }
            last = page.into_iter().next_back().map(|object| object.key);
        }
        let folder = self.path(prefix.trim_end_matches('/'));
        listing::remove_empty_folders(&folder);
        for parent in folder.ancestors().skip(1).take_while(|parent| *parent != self.root) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(deleted)
    }

    /// A new file in the temporary folder, which is made again where a cleaner of `/tmp` took it away.
    fn temporary_file(&self) -> io::Result<NamedTempFile> {
        let folder = self.root.join(TEMPORARY_FOLDER);
        make_folder(&folder)?;
        NamedTempFile::new_in(folder)
    }

    fn remove_abandoned(&self) -> io::Result<()> {
        let now = SystemTime::now();
        for entry in fs::read_dir(self.root.join(TEMPORARY_FOLDER))? {
            let entry = entry?;
            // Another process may finish or remove its file at any moment: only what can still be read is judged.
            let age = entry.metadata().and_then(|found| found.modified()).ok();
            if age.and_then(|modified| now.duration_since(modified).ok()).is_some_and(|age| age > ABANDONED_AFTER) {
                let _gone_already = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// Makes a folder and those above it. `NotADirectory` when a file is in the way, or was for a moment.
fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| match error.kind() {
        // Said of a folder too, when it is removed while it is looked at; a caller must not take it for the object itself.
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => error,
    })
}

/// Whether the error says that there is nothing at a path, be it that a file lies where a folder would have to be.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn read_range(file: &mut File, range: Range<u64>) -> io::Result<Bytes> {
    let end = range.end.min(file.metadata()?.len());
    let length = end.saturating_sub(range.start);
    let mut content = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    if length > 0 {
        file.seek(SeekFrom::Start(range.start))?;
        file.take(length).read_to_end(&mut content)?;
    }
    Ok(content.into())
}

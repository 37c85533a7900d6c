//! The trait that every store implements, and its errors.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Debug};
use std::io;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::home::LeftBehind;
use crate::key::{InvalidKey, Key};
use crate::own_folder::FolderError;

/// A store that many tasks use at once.
pub type SharedStore = Arc<dyn ArtifactStore>;

/// What a store knows about an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Full key.
    pub key: Key,
    /// Length in bytes.
    pub size: u64,
    /// When the object was last written, by the store's clock.
    pub modified: SystemTime,
}

/// How long a signed URL may be good for; the upper bound is S3's own.
pub const SIGNED_URL_LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(7 * 24);

/// Media type of what is uploaded through a signed URL (docs/compatibility.md, 2.4).
pub(crate) const UPLOAD_CONTENT_TYPE: &str = "application/gzip";

/// A URL that lets its holder do one thing to one object for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    /// Where to send the request.
    pub url: String,
    /// Method of the request, `GET` or `PUT`; no other is accepted.
    pub method: &'static str,
    /// Headers that the request must have, by name. `Content-Length` is not among them: every client derives it from
    /// the body, and a signed length must be that of the body.
    pub headers: BTreeMap<String, String>,
}

/// Leaves out the query: its signature is as good as a password while it lasts.
impl Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsigned = self.url.split_once('?').map_or(self.url.as_str(), |(unsigned, _)| unsigned);
        f.debug_struct("SignedUrl")
            .field("url", &unsigned)
            .field("method", &self.method)
            .field("headers", &self.headers)
            .finish()
    }
}

/// Objects under keys, with S3's semantics.
///
/// A write replaces the whole object or nothing: a reader sees the old content or the new, never a mixture and never
/// half of it. Objects don't append. What is not there is [`StoreError::NotFound`], except for [`head`](Self::head).
#[async_trait]
pub trait ArtifactStore: Debug + Send + Sync {
    /// Stores `bytes` under `key`, in place of what was there.
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError>;

    /// Stores the content of the file at `path` under `key` without holding it in memory.
    ///
    /// `path` must be a regular file itself: a symbolic link, which may point anywhere,
    /// is an error. Links among the folders above it are followed; walk a tree without following links.
    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError>;

    /// Stores `bytes` under `key` if nothing is there, and tells whether it did. Of any number of callers at the same
    /// time exactly one gets `true`.
    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError>;

    /// The whole object. It is held in memory: ask [`head`](Self::head) first where the size is not known to be small.
    async fn get(&self, key: &Key) -> Result<Bytes, StoreError>;

    /// The bytes of the object in `range` (first, and one past the last), clipped to its length: empty when the range
    /// is empty or begins past the end.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Writes the object to the file at `path`, whose folder must exist, in place of what was there; the file appears
    /// when it is whole. The object is not held in memory.
    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError>;

    /// Size and time of the object, `None` where there is none.
    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError>;

    /// At most `limit` objects whose keys begin with `prefix` and come after `after`, in byte order of the full key.
    /// Fewer than `limit` means that there are no more. [`list_all`] reads all pages.
    ///
    /// As in S3 the prefix is text, not a folder: end it with a slash to keep `t-10` out of the listing of `t-1`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError>;

    /// Stores the content of `from` under `to`, in place of what was there.
    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError>;

    /// Deletes every object whose key begins with `prefix`, and tells how many there were. The prefix must end in a
    /// slash. Nothing to delete is not an error.
    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError>;

    /// A URL from which the object can be read for `expires_in` (see [`SIGNED_URL_LIFETIME`]), whether or not there is
    /// one now. It is served as an attachment: what agents write must not run in a reader's browser.
    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError>;

    /// A URL to which the object can be written for `expires_in` (see [`SIGNED_URL_LIFETIME`]), as often as one likes,
    /// in place of what was there. With a `content_length` in bytes, a body of any other length is refused.
    async fn presign_put(
        &self,
        key: &Key,
        expires_in: Duration,
        content_length: Option<u64>,
    ) -> Result<SignedUrl, StoreError>;
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("the artifact store has no object `{key}`")]
    NotFound {
        /// Key that was asked for.
        key: Key,
    },
    /// The text can't be a key or a prefix.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    /// The folder can't be used, or others could change it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An earlier version kept objects in another folder.
    #[error(transparent)]
    LeftBehind(#[from] LeftBehind),
    /// A symbolic link lies on the way to the object, and links are never followed.
    #[error(
        "`{key}` was refused: `{link}` in the artifact folder is a symbolic link; replace it with what it points to"
    )]
    Link {
        /// Key or prefix that was asked for.
        key: String,
        /// Where the link is.
        link: String,
    },
    /// The disk, or the user's share of it, is full.
    #[error("no space left on the disk while {what} `{key}`: free some and try again")]
    NoSpace {
        /// What was being done.
        what: &'static str,
        /// Key or path that it was done to.
        key: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("the artifact store failed while {what} `{key}`")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Key or path that it was done to.
        key: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// This store was opened without a key to sign URLs with.
    #[error(
        "the artifact folder was opened without a signing key, so it gives no URLs; read and write through the API"
    )]
    NoSigning,
    /// A signed URL was wanted for too short or too long.
    #[error("a signed URL can't be good for {wanted:?}: ask for 1 second to 7 days")]
    Lifetime {
        /// What was asked for.
        wanted: Duration,
    },
    /// The credentials are wrong, or don't allow what was tried.
    #[error(
        "access denied while {what} `{key}` in {place}: check ODDISH_S3_ACCESS_KEY and ODDISH_S3_SECRET_KEY, or the \
         policy of the role that is used without them"
    )]
    Denied {
        /// What was being done.
        what: &'static str,
        /// Key or prefix that it was done to.
        key: String,
        /// Bucket, and where it is.
        place: String,
        /// What the service said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service has no space left, or the bucket is over its quota.
    #[error("no space left while {what} `{key}` in {place}: free some or raise the quota, and try again")]
    Full {
        /// What was being done.
        what: &'static str,
        /// Key or prefix that it was done to.
        key: String,
        /// Bucket, and where it is.
        place: String,
        /// What the service said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The bucket does not exist.
    #[error("{place} does not exist: create it, or name another in ODDISH_S3_BUCKET")]
    NoBucket {
        /// Bucket, and where it is.
        place: String,
    },
    /// The service could not be reached, or did not answer in time.
    #[error("no answer while {what} `{key}` in {place}: check the network and ODDISH_S3_ENDPOINT_URL")]
    Unreachable {
        /// What was being done.
        what: &'static str,
        /// Key or prefix that it was done to.
        key: String,
        /// Bucket, and where it is.
        place: String,
        /// What went wrong on the way.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service failed, or refused for another reason.
    #[error("the service failed while {what} `{key}` in {place}")]
    Service {
        /// What was being done.
        what: &'static str,
        /// Key or prefix that it was done to.
        key: String,
        /// Bucket, and where it is.
        place: String,
        /// What the service said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Wraps a failure of the operating system while doing `what` to `key`.
    pub fn io(what: &'static str, key: impl Into<String>, source: io::Error) -> Self {
        let key = key.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { what, key, source },
            _ => Self::Io { what, key, source },
        }
    }
}

/// Passes a lifetime within [`SIGNED_URL_LIFETIME`].
pub(crate) fn check_lifetime(wanted: Duration) -> Result<Duration, StoreError> {
    if SIGNED_URL_LIFETIME.contains(&wanted) { Ok(wanted) } else { Err(StoreError::Lifetime { wanted }) }
}

/// All objects whose keys begin with `prefix`, in byte order of the key, however many pages that takes.
pub async fn list_all(store: &dyn ArtifactStore, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    list_most(store, prefix, None, usize::MAX).await
}

/// The first `most` objects whose keys begin with `prefix` and come after `after`, in byte order of the key.
pub async fn list_most(
    store: &dyn ArtifactStore,
    prefix: &str,
    mut after: Option<String>,
    most: usize,
) -> Result<Vec<ObjectMeta>, StoreError> {
    const PAGE: usize = 1000;
    let mut all = Vec::new();
    loop {
        let wanted = PAGE.min(most - all.len());
        let page = store.list(prefix, after.as_deref(), wanted).await?;
        let last_page = page.len() < wanted;
        after = page.last().map(|last| last.key.to_string());
        all.extend(page);
        if last_page || all.len() == most {
            return Ok(all);
        }
    }
}

/// Bytes that [`in_pieces`] holds at a time.
const PIECE: u64 = 1 << 20;

/// The bytes of an object in `range`, read piece by piece as they are taken, so that however large it is and however slow its reader, little of
/// it is in memory. `range` must lie within the object; one that got shorter meanwhile ends with an error.
pub fn in_pieces(
    store: SharedStore,
    key: Key,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
    futures_util::stream::try_unfold(range, move |left| {
        let (store, key) = (SharedStore::clone(&store), key.clone());
        async move {
            if left.is_empty() {
                return Ok(None);
            }
            let middle = left.end.min(left.start.saturating_add(PIECE));
            let piece = store.get_range(&key, left.start..middle).await?;
            if piece.len() as u64 != middle - left.start {
                return Err(StoreError::io("reading", key.as_str(), io::ErrorKind::UnexpectedEof.into()));
            }
            Ok(Some((piece, middle..left.end)))
        }
    })
}

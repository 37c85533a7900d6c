//! A store that tells what is done to it.

use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, SignedUrl, StoreError};

/// What is done to a key, or to what is below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// An object, or what is known of it.
    Read,
    /// The keys below a prefix.
    List,
    /// An object from memory.
    Write,
    /// An object from a file.
    WriteFile,
    /// All below a prefix.
    Delete,
    /// A URL to read an object.
    SignRead,
    /// A URL to write an object.
    SignWrite,
}

/// Hears what is done to a store.
#[async_trait]
pub trait Watch: Debug + Send + Sync {
    /// Before it is done. It is not done until this returns, and not at all after an error.
    async fn before(&self, access: Access, place: &str) -> Result<(), StoreError>;

    /// After keys were listed.
    fn listed(&self) {}
}

#[async_trait]
impl<W: Watch + ?Sized> Watch for std::sync::Arc<W> {
    async fn before(&self, access: Access, place: &str) -> Result<(), StoreError> {
        (**self).before(access, place).await
    }

    fn listed(&self) {
        (**self).listed();
    }
}

/// Another store under watch.
#[derive(Debug)]
pub struct WatchedStore<W> {
    inner: SharedStore,
    watch: W,
}

impl<W: Watch> WatchedStore<W> {
    /// Watches a store.
    pub fn over(inner: SharedStore, watch: W) -> Self {
        Self { inner, watch }
    }
}

#[async_trait]
impl<W: Watch> ArtifactStore for WatchedStore<W> {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.watch.before(Access::Write, key.as_str()).await?;
        self.inner.put(key, bytes).await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        self.watch.before(Access::WriteFile, key.as_str()).await?;
        self.inner.put_file(key, path).await
    }

    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError> {
        self.watch.before(Access::Write, key.as_str()).await?;
        self.inner.put_if_absent(key, bytes).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.watch.before(Access::Read, key.as_str()).await?;
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.watch.before(Access::Read, key.as_str()).await?;
        self.inner.get_range(key, range).await
    }

    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        self.watch.before(Access::Read, key.as_str()).await?;
        self.inner.get_to_file(key, path).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.watch.before(Access::Read, key.as_str()).await?;
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError> {
        self.watch.before(Access::List, prefix).await?;
        let found = self.inner.list(prefix, after, limit).await;
        self.watch.listed();
        found
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError> {
        self.watch.before(Access::Read, from.as_str()).await?;
        self.watch.before(Access::Write, to.as_str()).await?;
        self.inner.copy(from, to).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        self.watch.before(Access::Delete, prefix).await?;
        self.inner.delete_prefix(prefix).await
    }

    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError> {
        self.watch.before(Access::SignRead, key.as_str()).await?;
        self.inner.presign_get(key, expires_in).await
    }

    async fn presign_put(
        &self,
        key: &Key,
        expires_in: Duration,
        content_length: Option<u64>,
    ) -> Result<SignedUrl, StoreError> {
        self.watch.before(Access::SignWrite, key.as_str()).await?;
        self.inner.presign_put(key, expires_in, content_length).await
    }
}

//! A store that takes files of a name only when a test lets it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, SignedUrl, StoreError};
use tokio::sync::watch;

/// The end of the names of files that wait.
pub(crate) const SLOW: &str = ".slow";

#[derive(Debug)]
pub(crate) struct GatedStore {
    inner: SharedStore,
    opened: watch::Sender<bool>,
    waiting: watch::Sender<bool>,
}

impl GatedStore {
    pub(crate) fn over(inner: SharedStore) -> Arc<Self> {
        Arc::new(Self { inner, opened: watch::Sender::new(false), waiting: watch::Sender::new(false) })
    }

    pub(crate) fn open(&self) {
        self.opened.send_replace(true);
    }

    /// Waits until a file waits.
    pub(crate) async fn waits(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting).await.unwrap();
    }
}

#[async_trait::async_trait]
impl ArtifactStore for GatedStore {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(key, bytes).await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        if key.as_str().ends_with(SLOW) {
            self.waiting.send_replace(true);
            self.opened.subscribe().wait_for(|opened| *opened).await.unwrap();
        }
        self.inner.put_file(key, path).await
    }

    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError> {
        self.inner.put_if_absent(key, bytes).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.get_range(key, range).await
    }

    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        self.inner.get_to_file(key, path).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError> {
        self.inner.list(prefix, after, limit).await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError> {
        self.inner.copy(from, to).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        self.inner.delete_prefix(prefix).await
    }

    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError> {
        self.inner.presign_get(key, expires_in).await
    }

    async fn presign_put(
        &self,
        key: &Key,
        expires_in: Duration,
        content_length: Option<u64>,
    ) -> Result<SignedUrl, StoreError> {
        self.inner.presign_put(key, expires_in, content_length).await
    }
}

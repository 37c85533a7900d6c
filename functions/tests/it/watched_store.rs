//! A store that tells when somebody has looked what is in it.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, SignedUrl, StoreError};
use tokio::sync::watch;

/// Another store, and how often it was listed.
#[derive(Debug)]
pub(crate) struct WatchedStore {
    inner: SharedStore,
    listed: watch::Sender<u32>,
}

impl WatchedStore {
    pub(crate) fn new(inner: SharedStore) -> Self {
        Self { inner, listed: watch::Sender::new(0) }
    }

    /// Waits until it is listed once more.
    pub(crate) async fn listed_again(&self) {
        let mut listed = self.listed.subscribe();
        let before = *listed.borrow_and_update();
        listed.wait_for(|times| *times > before).await.unwrap();
    }
}

#[async_trait]
impl ArtifactStore for WatchedStore {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(key, bytes).await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
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
        let found = self.inner.list(prefix, after, limit).await;
        self.listed.send_modify(|times| *times += 1);
        found
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

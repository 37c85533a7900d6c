//! A store that tells when somebody has looked what is in it, that can be told not to delete, and that lets functions do what their roles allow.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, SignedUrl, StoreError};
use tokio::sync::watch;

use crate::permissions::{DELETE, LIST, READ, SIGN_READ, WRITE, WRITE_FILE, check};

/// Another store, and how often it was listed.
#[derive(Debug)]
pub(crate) struct WatchedStore {
    inner: SharedStore,
    listed: watch::Sender<u32>,
    keeps_all: AtomicBool,
}

impl WatchedStore {
    pub(crate) fn new(inner: SharedStore) -> Self {
        Self { inner, listed: watch::Sender::new(0), keeps_all: AtomicBool::new(false) }
    }

    /// Whether deletions fail from now on.
    pub(crate) fn keep_all(&self, keeps_all: bool) {
        self.keeps_all.store(keeps_all, Ordering::SeqCst);
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
        check(WRITE, key.as_str());
        self.inner.put(key, bytes).await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        check(WRITE_FILE, key.as_str());
        self.inner.put_file(key, path).await
    }

    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError> {
        check(WRITE, key.as_str());
        self.inner.put_if_absent(key, bytes).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        check(READ, key.as_str());
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        check(READ, key.as_str());
        self.inner.get_range(key, range).await
    }

    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        check(READ, key.as_str());
        self.inner.get_to_file(key, path).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        check(READ, key.as_str());
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError> {
        check(LIST, prefix);
        let found = self.inner.list(prefix, after, limit).await;
        self.listed.send_modify(|times| *times += 1);
        found
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError> {
        check(READ, from.as_str());
        check(WRITE, to.as_str());
        self.inner.copy(from, to).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        check(DELETE, prefix);
        if self.keeps_all.load(Ordering::SeqCst) {
            return Err(StoreError::NoBucket { place: "the bucket of this test".to_owned() });
        }
        self.inner.delete_prefix(prefix).await
    }

    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError> {
        check(SIGN_READ, key.as_str());
        self.inner.presign_get(key, expires_in).await
    }

    async fn presign_put(
        &self,
        key: &Key,
        expires_in: Duration,
        content_length: Option<u64>,
    ) -> Result<SignedUrl, StoreError> {
        check(WRITE, key.as_str());
        self.inner.presign_put(key, expires_in, content_length).await
    }
}

//! Deleting for good: every object, and on a versioned bucket every version and delete marker.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::store::StoreError;

use super::S3Store;
use super::failure::is;

/// Most objects that one request may delete; also the most that a page of a listing holds.
const BATCH: usize = 1000;

impl S3Store {
    pub(super) async fn delete_all(&self, prefix: &str) -> Result<u64, StoreError> {
        let attempt = self.attempt("deleting", prefix);
        let (mut deleted, mut next_key, mut next_version) = (0, None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_key_marker(next_key)
                .set_version_id_marker(next_version)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                // Some services keep no versions and don't know the request.
                Err(error) if is(&error, "NotImplemented") => return self.delete_unversioned(prefix).await,
                Err(error) => return Err(attempt.failed(error)),
            };
            let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
            let targets = versions.chain(markers).filter_map(|(key, version)| target(key?, version)).collect();
            self.delete_batch(prefix, targets).await?;
            let current = page.versions().iter().filter(|version| version.is_latest().unwrap_or(true));
            deleted += current.count() as u64;
            if !page.is_truncated().unwrap_or_default() {
                return Ok(deleted);
            }
            (next_key, next_version) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    async fn delete_unversioned(&self, prefix: &str) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let page = self.list_page(prefix, None, BATCH).await?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let targets: Vec<ObjectIdentifier> = keys.filter_map(|key| target(key, None)).collect();
            let count = targets.len();
            self.delete_batch(prefix, targets).await?;
            deleted += count as u64;
            if count == 0 || !page.is_truncated().unwrap_or_default() {
                return Ok(deleted);
            }
        }
    }

    async fn delete_batch(&self, prefix: &str, targets: Vec<ObjectIdentifier>) -> Result<(), StoreError> {
        if targets.is_empty() {
            return Ok(());
        }
        let attempt = self.attempt("deleting", prefix);
        let request = Delete::builder().set_objects(Some(targets)).quiet(true).build();
        let request = request.map_err(|error| attempt.broken(error))?;
        let answer = self.client.delete_objects().bucket(&self.bucket).delete(request).send().await;
        let answer = answer.map_err(|error| attempt.failed(error))?;
        match answer.errors().first() {
            None => Ok(()),
            Some(error) => {
                let attempt = self.attempt("deleting", error.key().unwrap_or(prefix));
                Err(attempt.refused(error.code().unwrap_or("unknown"), error.message().unwrap_or("no reason given")))
            }
        }
    }
}

/// `None` never happens: a key is all that an identifier needs.
fn target(key: &str, version: Option<&str>) -> Option<ObjectIdentifier> {
    ObjectIdentifier::builder().key(key).set_version_id(version.map(str::to_owned)).build().ok()
}

//! Archives that clients put into the store, until they are checked.

use std::time::Duration;

use oddish_artifacts::{Key, SharedStore, SignedUrl, StoreError};
use tempfile::NamedTempFile;

use crate::Error;

/// How long the upload URL works (docs/compatibility.md, 1.5).
const UPLOAD_WITHIN: Duration = Duration::from_hours(1);

/// The token of a staging key. It is of one use: a client that keeps its URL can write nothing that counts once the upload is completed.
pub(crate) fn token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// The URL that takes the archive, of this size if the client tells it.
pub(crate) async fn sign(store: &SharedStore, staging: &Key, size: Option<u64>) -> Result<SignedUrl, StoreError> {
    store.presign_put(staging, UPLOAD_WITHIN, size).await
}

/// Brings an uploaded archive to the disk, if it is there and not too large. Published clients know these texts (docs/compatibility.md, 1.5).
pub(crate) async fn fetch(
    store: &SharedStore,
    staging: &Key,
    max_bytes: u64,
    what: &str,
) -> Result<NamedTempFile, Error> {
    let absent = || Error::refused(format!("Uploaded {} archive not found in S3", what.to_lowercase()));
    let object = store.head(staging).await?.ok_or_else(absent)?;
    if object.size > max_bytes {
        discard(store, staging).await;
        return Err(too_large(what, max_bytes));
    }
    let file = NamedTempFile::new().map_err(Error::internal)?;
    match store.get_to_file(staging, file.path()).await {
        Ok(()) => Ok(file),
        Err(StoreError::NotFound { .. }) => Err(absent()),
        Err(error) => Err(error.into()),
    }
}

/// The error for an archive above the limit.
pub(super) fn too_large(what: &str, max_bytes: u64) -> Error {
    Error::too_large(format!("{what} upload too large. Max size is {}MB.", max_bytes >> 20))
}

/// A staging object that stays costs a little and harms nothing, so that failing to delete it fails no upload.
pub(crate) async fn discard(store: &SharedStore, staging: &Key) {
    let Some((folder, _)) = staging.as_str().rsplit_once('/') else { return };
    if let Err(error) = store.delete_prefix(&format!("{folder}/")).await {
        tracing::warn!(error = &error as &dyn std::error::Error, %staging, "a staging object stays");
    }
}

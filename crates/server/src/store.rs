//! The artifact store that the settings choose.

use std::sync::Arc;

use oddish_artifacts::signing::SigningKey;
use oddish_artifacts::{FolderStore, S3Store, SharedStore};

use crate::settings::ServerSettings;

/// Opens it. A folder's URLs are signed with the key and lead to the base URL, where both are given.
pub(crate) async fn open(
    settings: &ServerSettings,
    signing: Option<(SigningKey, String)>,
) -> anyhow::Result<SharedStore> {
    if let Some(s3) = &settings.s3 {
        return Ok(Arc::new(S3Store::connect(s3).await));
    }
    let folder = FolderStore::open(&settings.storage.local_storage_dir)?;
    Ok(match signing {
        Some((key, base_url)) => Arc::new(folder.with_signing(key, base_url)),
        None => Arc::new(folder),
    })
}

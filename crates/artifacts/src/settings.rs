//! Where artifacts are kept and how much may be uploaded (contract 5).

use std::path::{PathBuf, absolute};
use std::sync::Arc;

use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{ALL_PROGRAMS, Group, Reader, Setting};

use crate::signing::SigningKey;
use crate::{FolderStore, S3Settings, S3Store, SharedStore, StoreError};

/// The folder of the [`FolderStore`].
pub const LOCAL_STORAGE_DIR: Setting<PathBuf> = Setting::new("ODDISH_LOCAL_STORAGE_DIR", "/tmp/oddish-tasks")
    .doc("Folder for task archives, logs and artifacts. Server, workers and runners must see the same one.");
// The bound keeps the number of bytes far from overflow.
const MAX_UPLOAD: Setting<u64> = Setting::new("ODDISH_MAX_TASK_UPLOAD_MB", 50)
    .within(1, 1_000_000)
    .unit("MiB")
    .doc("Largest task archive that is accepted, compressed, in MiB.");
const PUBLIC_URL: Setting<Option<String>> = Setting::optional("ODDISH_PUBLIC_URL").doc(
    "How clients reach oddish-server, which serves the folder's upload URLs. Unset: the address that it listens on.",
);

/// Where artifacts are kept and how much may be uploaded.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// Root of the [`FolderStore`]; absolute, so that processes with other working folders share it.
    pub local_storage_dir: PathBuf,
    /// The bucket that takes the folder's place, where S3 is switched on.
    pub s3: Option<S3Settings>,
    /// Largest task archive that is accepted, compressed, in MiB.
    pub max_task_upload_mb: u64,
    /// The deployment's secret, from which the key of the folder's URLs is derived.
    pub secret_key: Option<SecretKey>,
    /// Where the folder's URLs lead to.
    pub public_url: Option<String>,
}

impl StorageSettings {
    /// Their settings for the documents, beside [`S3Settings::GROUP`].
    pub const GROUP: Group = Group {
        title: "Storage",
        read_by: ALL_PROGRAMS,
        settings: &[&LOCAL_STORAGE_DIR, &MAX_UPLOAD, &SECRET_KEY, &PUBLIC_URL],
    };

    /// Reads [`Self::GROUP`] and [`S3Settings::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let local_storage_dir = absolute(reader.get(&LOCAL_STORAGE_DIR)).unwrap_or_else(|error| {
            reader.reject(&LOCAL_STORAGE_DIR, format!("must be a path that can be made absolute ({error})"));
            LOCAL_STORAGE_DIR.default()
        });
        Self {
            local_storage_dir,
            s3: S3Settings::read(reader),
            max_task_upload_mb: reader.get(&MAX_UPLOAD),
            secret_key: reader.get(&SECRET_KEY),
            public_url: reader.get(&PUBLIC_URL),
        }
    }

    /// Opens the store that they choose. Where that is the folder, its URLs are signed with the key of `signing` and lead to its base URL;
    /// without, the store signs none. A bucket is not asked for anything yet.
    pub async fn open(&self, signing: Option<(SigningKey, String)>) -> Result<SharedStore, StoreError> {
        if let Some(s3) = &self.s3 {
            return Ok(Arc::new(S3Store::connect(s3).await));
        }
        let folder = FolderStore::open(&self.local_storage_dir)?;
        Ok(match signing {
            Some((key, base_url)) => Arc::new(folder.with_signing(key, base_url)),
            None => Arc::new(folder),
        })
    }

    /// The key and the base URL of a folder's URLs that an `oddish-server` with the same secret serves, where both are set.
    pub fn signing(&self) -> Option<(SigningKey, String)> {
        let (secret, url) = (self.secret_key.as_ref()?, self.public_url.as_ref()?);
        Some((SigningKey::from_secret(secret.expose().as_bytes()), url.clone()))
    }
}

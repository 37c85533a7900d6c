//! Settings of the artifact store: its place, and the largest upload (docs/compatibility.md, 4.2).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{ALL_PROGRAMS, Group, Reader, Setting};

use crate::home::{self, HOME};
use crate::signing::SigningKey;
use crate::{FolderStore, S3Settings, S3Store, SharedStore, StoreError};

/// The folder of the [`FolderStore`].
pub const LOCAL_STORAGE_DIR: Setting<Option<PathBuf>> = Setting::optional("ODDISH_LOCAL_STORAGE_DIR").doc(
    "Folder for task archives, logs and artifacts. Only this user may have write access. Server, workers and runners must use the same folder. \
     Unset: artifacts in ODDISH_HOME.",
);
/// What it was in earlier versions where nothing was set.
const OLD_LOCAL_STORAGE_DIR: &str = "/tmp/oddish-tasks";
// The bound keeps the number of bytes far from overflow.
const MAX_UPLOAD: Setting<u64> = Setting::new("ODDISH_MAX_TASK_UPLOAD_MB", 50)
    .within(1, 1_000_000)
    .unit("MiB")
    .doc("Largest task archive that is accepted, compressed, in MiB.");
const PUBLIC_URL: Setting<Option<String>> = Setting::optional("ODDISH_PUBLIC_URL").doc(
    "URL under which clients reach oddish-server, used in the upload URLs of the local folder. Unset: the address that the server listens on.",
);

/// Where artifacts are kept and how much may be uploaded.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// Root of the [`FolderStore`]; absolute, so that processes with other working folders share it. Empty where there is a bucket and no setting
    /// names a folder.
    pub local_storage_dir: PathBuf,
    /// Whether a setting names it.
    names_local_storage_dir: bool,
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
    /// Their settings for the documents, in addition to [`S3Settings::GROUP`].
    pub const GROUP: Group = Group {
        title: "Storage",
        read_by: ALL_PROGRAMS,
        settings: &[&HOME, &LOCAL_STORAGE_DIR, &MAX_UPLOAD, &SECRET_KEY, &PUBLIC_URL],
    };

    /// Reads [`Self::GROUP`] and [`S3Settings::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let s3 = S3Settings::read(reader);
        let named = reader.get(&LOCAL_STORAGE_DIR);
        // A function with a bucket has no home, and needs none.
        let local_storage_dir = match (&s3, &named) {
            (Some(_), None) => PathBuf::new(),
            _ => home::folder_or_below_home(reader, &LOCAL_STORAGE_DIR, "artifacts"),
        };
        Self {
            local_storage_dir,
            names_local_storage_dir: named.is_some(),
            s3,
            max_task_upload_mb: reader.get(&MAX_UPLOAD),
            secret_key: reader.get(&SECRET_KEY),
            public_url: reader.get(&PUBLIC_URL),
        }
    }

    /// Opens the store that they choose. Where that is the folder, its URLs are signed with the key of `signing` and lead to its base URL;
    /// without, the store signs none. A bucket is not asked for anything yet. Fails where an earlier version left files in the folder that was
    /// the default then, and no setting names one.
    pub async fn open(&self, signing: Option<(SigningKey, String)>) -> Result<SharedStore, StoreError> {
        if let Some(s3) = &self.s3 {
            return Ok(Arc::new(S3Store::connect(s3).await));
        }
        if !self.names_local_storage_dir {
            home::check_old_default(
                LOCAL_STORAGE_DIR.name(),
                Path::new(OLD_LOCAL_STORAGE_DIR),
                &self.local_storage_dir,
            )?;
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

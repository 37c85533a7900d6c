//! Where artifacts are kept and how much may be uploaded (contract 5).

use std::path::{PathBuf, absolute};

use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{ALL_PROGRAMS, Group, Reader, Setting};

/// The folder of the [`FolderStore`](crate::FolderStore).
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
    /// Root of the [`FolderStore`](crate::FolderStore); absolute, so that processes with other working folders share it.
    pub local_storage_dir: PathBuf,
    /// Largest task archive that is accepted, compressed, in MiB.
    pub max_task_upload_mb: u64,
    /// The deployment's secret, from which the key of the folder's URLs is derived.
    pub secret_key: Option<SecretKey>,
    /// Where the folder's URLs lead to.
    pub public_url: Option<String>,
}

impl StorageSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Storage",
        read_by: ALL_PROGRAMS,
        settings: &[&LOCAL_STORAGE_DIR, &MAX_UPLOAD, &SECRET_KEY, &PUBLIC_URL],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let local_storage_dir = absolute(reader.get(&LOCAL_STORAGE_DIR)).unwrap_or_else(|error| {
            reader.reject(&LOCAL_STORAGE_DIR, format!("must be a path that can be made absolute ({error})"));
            LOCAL_STORAGE_DIR.default()
        });
        Self {
            local_storage_dir,
            max_task_upload_mb: reader.get(&MAX_UPLOAD),
            secret_key: reader.get(&SECRET_KEY),
            public_url: reader.get(&PUBLIC_URL),
        }
    }
}

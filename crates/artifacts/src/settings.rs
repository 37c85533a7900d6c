//! Where artifacts are kept and how much may be uploaded (contract 5).

use std::path::{PathBuf, absolute};

use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use oddish_domain::settings::{Reader, Variable};

const FOLDER: &str = "ODDISH_LOCAL_STORAGE_DIR";
const DEFAULT_FOLDER: &str = "/tmp/oddish-tasks";
const MAX_UPLOAD: &str = "ODDISH_MAX_TASK_UPLOAD_MB";
const DEFAULT_MAX_UPLOAD_MB: u64 = 50;
const PUBLIC_URL: &str = "ODDISH_PUBLIC_URL";

/// The variables that [`StorageSettings`] reads.
pub const STORAGE_VARIABLES: &[Variable] = &[
    Variable {
        name: FOLDER,
        default: DEFAULT_FOLDER,
        secret: false,
        doc: "Folder for task archives, logs and artifacts. Server, workers and runners must see the same one.",
    },
    Variable {
        name: MAX_UPLOAD,
        default: "50",
        secret: false,
        doc: "Largest task archive that is accepted, compressed, in MiB.",
    },
    Variable {
        name: SECRET_KEY,
        default: "",
        secret: true,
        doc: "Secret that seals agents' environment variables in the database and signs the folder's upload URLs: 32 random \
              characters or more, the same for the API and all runners. Unset: oddish-server makes one and keeps it in the \
              file secret-key in ODDISH_HOME.",
    },
    Variable {
        name: PUBLIC_URL,
        default: "",
        secret: false,
        doc: "How clients reach oddish-server, which serves the folder's upload URLs. Unset: the address that it listens on.",
    },
];

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
    /// Reads [`STORAGE_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let folder = reader.text(FOLDER, DEFAULT_FOLDER);
        let local_storage_dir = absolute(&folder).unwrap_or_else(|error| {
            reader.reject(FOLDER, format!("must be a path that can be made absolute ({error})"));
            PathBuf::from(DEFAULT_FOLDER)
        });
        // The bound keeps the number of bytes far from overflow.
        Self {
            local_storage_dir,
            max_task_upload_mb: reader.within(MAX_UPLOAD, DEFAULT_MAX_UPLOAD_MB, 1..=1_000_000),
            secret_key: SecretKey::read(reader),
            public_url: reader.optional(PUBLIC_URL),
        }
    }
}

#![doc = include_str!("../README.md")]

pub mod archive;
pub mod file_pack;
mod folder;
pub mod hash;
pub mod home;
pub mod key;
mod local_file;
pub mod log_text;
pub mod own_folder;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod settings;
pub mod signing;
mod store;

pub use folder::FolderStore;
pub use key::{InvalidKey, Key};
pub use local_file::open_regular;
#[cfg(feature = "s3")]
pub use s3::{S3Keys, S3Settings, S3Store};
#[cfg(feature = "s3")]
pub use settings::{LOCAL_STORAGE_DIR, StorageSettings};
pub use store::{
    ArtifactStore, ObjectMeta, SIGNED_URL_LIFETIME, SharedStore, SignedUrl, StoreError, in_pieces, list_all, list_most,
};

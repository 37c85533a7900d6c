//! Object storage behind one small trait: key layout, safe pack and unpack, content hash.
//!
//! Everything that a trial leaves behind, and every task archive, goes through [`ArtifactStore`]. The layout of the keys
//! is in [`key`], the rules for archives that come from outside are in [`archive`], and the hash that tells whether a
//! task changed is in [`hash`]. A folder ([`FolderStore`]) is always there; S3 and its SDK come with the feature `s3`, and with them the
//! settings that choose between the two.
//! The crate knows nothing of the database, of HTTP or of Harbor, and must not learn it.

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

//! Object storage behind one small trait: key layout, safe pack and unpack, content hash.
//!
//! Everything that a trial leaves behind, and every task archive, goes through [`ArtifactStore`]. The layout of the keys
//! is in [`key`], the rules for archives that come from outside are in [`archive`], and the hash that tells whether a
//! task changed is in [`hash`]. The crate knows nothing of the database, of HTTP or of Harbor, and must not learn it.

pub mod archive;
mod folder;
pub mod hash;
pub mod key;
pub mod log_text;
mod settings;
mod store;

pub use folder::FolderStore;
pub use key::{InvalidKey, Key};
pub use settings::{STORAGE_VARIABLES, StorageSettings};
pub use store::{ArtifactStore, ObjectMeta, SharedStore, StoreError, list_all};

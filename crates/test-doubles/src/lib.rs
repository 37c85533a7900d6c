#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod emf;
mod kept;
mod watched_store;

pub use kept::Kept;
pub use watched_store::{Access, Watch, WatchedStore};

//! Stand-ins that tests look into: a store that tells what is done to it, a log that is kept, and what a metric must be.
//!
//! Only ever a development dependency, and none that needs a database: the tests of `oddish-telemetry` depend on this crate.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod emf;
mod kept;
mod watched_store;

pub use kept::Kept;
pub use watched_store::{Access, Watch, WatchedStore};

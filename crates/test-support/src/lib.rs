#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod database;
pub mod derived;
mod queued_trials;
pub mod scene;

use std::path::{Path, PathBuf};

pub use database::{MIGRATOR, Through, create_database, direct_url, run, with_database};
pub use queued_trials::QueuedTrials;

/// Folder of the example task.
pub fn hello_task() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tasks/hello")
}

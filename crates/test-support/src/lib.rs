//! Databases for tests, directly or through a pooler, and the rows that tests begin with.
//!
//! Only ever a development dependency. A test says `#[with_database] async fn a_test(db: Db)`, and [`scene`] fills the database. This crate
//! depends on nothing above `oddish-db`, so that the tests of `oddish-db` wait for nothing else to compile. Stand-ins that need no database
//! are in `oddish-test-doubles`, the API over a database is in `oddish-test-api`.

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

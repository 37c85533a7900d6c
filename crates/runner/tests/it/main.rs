//! The runner against real folders of Harbor, a real store, and real Harbor in Docker.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it calls"
)]

mod agent_arguments;
#[path = "../../../telemetry/tests/it/emf.rs"]
mod emf;
mod environment_options;
mod harbor;
mod host_access;
mod leftovers;
mod live_log;
mod log;
mod results;
mod run;
mod samples;
mod taxonomy;
mod upload;

use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

//! The runner against real folders of Harbor, a real store, and real Harbor in Docker.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it calls"
)]

mod agent_arguments;
mod confined;
mod environment_options;
mod gate;
mod hanging;
mod harbor;
mod host_access;
mod leftovers;
mod live_log;
mod log;
mod results;
mod run;
mod samples;
mod step_timeouts;
mod storing;
mod taxonomy;
mod time_limits;
mod upload;

use std::path::{Path, PathBuf};

use oddish_runner::confinement::{ConfinementSettings, Mode};

/// Harbor confined in this way, with the usual limits.
fn confinement(mode: Mode) -> ConfinementSettings {
    ConfinementSettings { mode, read: Vec::new(), memory_bytes: 4 << 30 }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

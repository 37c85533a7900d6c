//! Fuzzing: code that reads what strangers send, under input that grows towards new branches of it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::progress::{say, step};
use crate::{process, setup, workspace};

/// What can be fuzzed: a target of the package `fuzz/`.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Target {
    /// Listing and unpacking of task archives.
    Archive,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
        }
    }

    /// Longest input, in bytes.
    fn longest_input(self) -> u32 {
        match self {
            Self::Archive => 16 * 1024,
        }
    }
}

/// `cargo xtask fuzz`: fails with the first input that breaks the target, which stays in `fuzz/artifacts`. What earlier
/// runs learned is kept in `fuzz/corpus`.
pub(crate) fn run(target: Target, minutes: u64) -> Result<()> {
    let program = setup::tools::cargo_fuzz()?;
    // Without a sanitizer a stable compiler will do. The code here is safe Rust: what can be found are panics, overflows,
    // broken promises, hangs and memory that grows, and those need none.
    let cargo_fuzz = |task: &str| {
        let mut command = Command::new(&program);
        command.args(["fuzz", task, "--sanitizer", "none", target.name()]).current_dir(workspace::root());
        command
    };
    step("building the fuzz target", || process::shown(&mut cargo_fuzz("build")))?;

    let corpus = workspace::root().join("fuzz/corpus").join(target.name());
    workspace::create_folder(&corpus)?;
    let seeds = workspace::root().join("fuzz/seeds").join(target.name());
    say(&format!("==> fuzzing {} for {minutes} minutes", target.name()));
    let place = in_memory()?;
    process::shown(
        cargo_fuzz("run")
            .args([corpus, seeds])
            .arg("--")
            .arg(format!("-max_total_time={}", Duration::from_mins(minutes).as_secs()))
            .arg(format!("-max_len={}", target.longest_input()))
            .args(["-timeout=10", "-rss_limit_mb=512", "-print_final_stats=1"])
            .env("TMPDIR", place.path()),
    )
}

/// A temporary folder for the targets' files, in memory where the system has such a place: thousands are made per second.
fn in_memory() -> Result<tempfile::TempDir> {
    let shared_memory = PathBuf::from("/dev/shm");
    let parent = if shared_memory.is_dir() { shared_memory } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("oddish-fuzz-").tempdir_in(parent).context("can't make a temporary folder")
}

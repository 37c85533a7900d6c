//! The API under schemathesis for longer than the tests have time: the same test, with more requests.

use std::process::Command;

use anyhow::Result;

use crate::database::ThrowAwayDatabase;
use crate::progress::say;
use crate::setup::{self, schemathesis};
use crate::{process, workspace};

/// `cargo xtask fuzz-api`: starts a server of each kind over a database of its own, with tasks and trials in it, and lets schemathesis ask
/// it. Fails with its report, which has a `curl` line for each finding.
pub(crate) fn run(examples: u32, seconds: Option<u32>, seed: Option<u32>) -> Result<()> {
    let nextest = setup::tools::nextest()?;
    let schemathesis = schemathesis::ensure()?;
    let database = ThrowAwayDatabase::start(&setup::postgres_bin()?)?;
    // Any seed will do, as long as it is known afterwards.
    let seed = seed.unwrap_or_else(std::process::id);
    say(&format!("==> asking the API up to {examples} times for each operation, with seed {seed}"));
    let mut command = Command::new(nextest);
    command.args(["nextest", "run", "--package", "oddish-server", "--no-capture"]).current_dir(workspace::root());
    // The profile has no limit of time.
    command.args(["--filterset", "test(/^fuzzed::/)", "--profile", "soak"]);
    command
        .env("SCHEMATHESIS", schemathesis)
        .env("DATABASE_URL", database.url())
        .env("ODDISH_FUZZ_EXAMPLES", examples.to_string())
        .env("ODDISH_FUZZ_SECONDS", seconds.unwrap_or(0).to_string())
        .env("ODDISH_FUZZ_SEED", seed.to_string());
    process::shown(&mut command)
}

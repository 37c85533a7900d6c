//! Building the programs of the workspace.

use std::process::Command;

use anyhow::Result;

use crate::progress::step;
use crate::{process, workspace};

/// Builds the three programs that run trials.
pub(crate) fn build_programs() -> Result<()> {
    step("building oddish, oddish-server and oddish-runner", || {
        let packages = ["oddish-cli", "oddish-server", "oddish-runner"].map(|package| ["--package", package]);
        process::shown(&mut cargo(&[&["build", "--bins"], packages.as_flattened()].concat()))
    })
}

/// Builds every program and test of the workspace. Both together: what tests need of libraries is part of each build then, and nothing is
/// compiled twice.
pub(crate) fn build_all() -> Result<()> {
    let command = ["build", "--workspace", "--bins", "--tests"];
    step("building all programs and tests", || process::shown(&mut cargo(&command)))
}

/// cargo in this workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace::root());
    command
}

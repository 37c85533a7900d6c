//! Building the programs of the workspace.

use std::process::Command;

use anyhow::Result;

use crate::progress::step;
use crate::{process, workspace};

/// Builds the three programs that run trials, beside this one.
pub(crate) fn build_programs() -> Result<()> {
    step("building oddish, oddish-server and oddish-runner", || {
        let packages = ["oddish-cli", "oddish-server", "oddish-runner"].map(|package| ["--package", package]);
        process::shown(&mut cargo(&[&["build", "--bins"], packages.as_flattened()].concat()))
    })
}

/// Builds every program of the workspace, the functions too, beside this one: with the features that the tests build them with, so that
/// nothing is compiled twice for them.
pub(crate) fn build_all() -> Result<()> {
    step("building all programs and functions", || process::shown(&mut cargo(&["build", "--workspace", "--bins"])))
}

/// cargo in this workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace::root());
    command
}

//! Cargo tools that only some tasks need.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const PATIENCE: Duration = Duration::from_secs(15);

/// `cargo-nextest`: the machine's own if it has one.
pub(crate) fn nextest() -> Result<PathBuf> {
    any_version("nextest")
}

/// `cargo-fuzz`: the machine's own if it has one.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    any_version("fuzz")
}

/// `cargo-deny`: the machine's own if it has one.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    any_version("deny")
}

/// `cargo-machete`: the machine's own if it has one.
pub(crate) fn cargo_machete() -> Result<PathBuf> {
    any_version("machete")
}

fn any_version(subcommand: &str) -> Result<PathBuf> {
    let package = format!("cargo-{subcommand}");
    let own = PathBuf::from(&package);
    let installed = workspace::kept("tools").join("bin").join(&package);
    for program in [own, installed.clone()] {
        if ask(Command::new(&program).args([subcommand, "--version"]), PATIENCE).is_ok() {
            return Ok(program);
        }
    }
    install(&package)?;
    Ok(installed)
}

fn install(package: &str) -> Result<()> {
    step(&format!("installing {package} (compiles for some minutes)"), || {
        let mut cargo = Command::new("cargo");
        cargo.args(["install", package, "--locked", "--force", "--root"]).arg(workspace::kept("tools"));
        logged(package, cargo.env("CARGO_TARGET_DIR", workspace::kept("tools-build")))
    })
}

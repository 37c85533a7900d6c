//! Cargo tools that only some tasks need.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const PATIENCE: Duration = Duration::from_secs(15);
const SQLX_VERSION: &str = "0.9.0";

/// `cargo-sqlx` of the version that the workspace uses.
pub(crate) fn sqlx() -> Result<PathBuf> {
    let program = workspace::kept("tools").join("bin/cargo-sqlx");
    let version = ask(Command::new(&program).args(["sqlx", "--version"]), PATIENCE);
    if !version.is_ok_and(|version| version.contains(SQLX_VERSION)) {
        // sqlx.toml, which names the migration table, is read only with the feature of that name.
        install("sqlx-cli", &["--version", SQLX_VERSION, "--no-default-features", "--features", "postgres,sqlx-toml"])?;
    }
    Ok(program)
}

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
    install(&package, &[])?;
    Ok(installed)
}

fn install(package: &str, arguments: &[&str]) -> Result<()> {
    step(&format!("installing {package} (compiles for some minutes)"), || {
        let mut cargo = Command::new("cargo");
        cargo.args(["install", package, "--locked", "--force", "--root"]).arg(workspace::kept("tools")).args(arguments);
        logged(package, cargo.env("CARGO_TARGET_DIR", workspace::kept("tools-build")))
    })
}

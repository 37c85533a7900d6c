//! Checks that the compiler does not make: links in documentation, spelling, dependencies.

use std::process::Command;

use anyhow::{Result, bail};

use crate::programs::cargo;
use crate::progress::{say, step};
use crate::setup::{spelling, tools};
use crate::{interrupt, process, workspace};

type Check = fn() -> Result<()>;

/// `cargo xtask lint`: all of them. A failure of one doesn't hide the others.
pub(crate) fn run() -> Result<()> {
    let checks: [(&str, Check); 4] = [
        ("documentation", documentation),
        ("spelling", spelling_check),
        ("licences, bans and sources of dependencies", dependencies),
        ("unused dependencies", unused_dependencies),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        interrupt::check()?;
        if let Err(error) = check() {
            say(&format!("{name}: {error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Every link in the documentation leads somewhere, and its HTML is well formed.
pub(crate) fn documentation() -> Result<()> {
    step("checking the documentation", || {
        let mut cargo =
            cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet", "--keep-going"]);
        process::shown(cargo.env("RUSTDOCFLAGS", "--deny warnings"))
    })
}

/// Words in code, documents and names, with what `_typos.toml` takes for one.
pub(crate) fn spelling_check() -> Result<()> {
    let typos = spelling::ensure()?;
    step("checking the spelling", || {
        process::shown(Command::new(typos).args(["--format", "brief"]).current_dir(workspace::root()))
    })
}

/// What `deny.toml` says. Advisories are not among it: their database is no part of this checkout, so that a check that passed could fail
/// tomorrow without a change.
fn dependencies() -> Result<()> {
    let program = tools::cargo_deny()?;
    step("checking licences, bans and sources of dependencies", || {
        let mut deny = Command::new(program);
        let deny =
            deny.args(["deny", "--all-features", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
        process::logged("cargo-deny", deny.current_dir(workspace::root()))
    })
}

/// Every dependency that a `Cargo.toml` names is used.
fn unused_dependencies() -> Result<()> {
    let program = tools::cargo_machete()?;
    step("checking for unused dependencies", || {
        // It takes its own name for a folder unless it sees that cargo calls it.
        let mut machete = Command::new(program);
        process::logged("cargo-machete", machete.arg("machete").env("CARGO", "cargo").current_dir(workspace::root()))
    })
}

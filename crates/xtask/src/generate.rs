//! Every file of this repository that is derived from the code or from the migrations.
//!
//! The modules of handlers and query data come first, since nothing compiles without them. A test holds each page that a program or its document makes
//! (`oddish_test_support::derived`); template.yaml follows, as it is made from functions/endpoints.json.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::progress::{print, say, step};
use crate::{handlers, interrupt, process, query_data, setup, template, workspace};

/// The tests that hold derived files, by the end of their names.
const TESTS: &str = "test(/_is_current$/)";
/// Tells these tests to write the files.
const UPDATE: &str = "UPDATE_EXPECTED";

/// `cargo xtask generate`: sets up no more than it needs.
pub(crate) fn run(must_check: bool) -> Result<()> {
    let (postgres_bin, nextest) = (setup::postgres_bin()?, setup::tools::nextest()?);
    if must_check { check(&postgres_bin, &nextest) } else { write(&postgres_bin, &nextest) }
}

/// Fails if a file is not what it is derived from. One that is out of date doesn't hide the others.
pub(crate) fn check(postgres_bin: &Path, nextest: &Path) -> Result<()> {
    let checks: [(&str, &dyn Fn() -> Result<()>); 4] = [
        ("modules of handlers", &|| handlers::declare(true)),
        ("query data", &|| query_data::generate(postgres_bin, true)),
        ("pages", &|| step("checking pages", || pages(nextest, false))),
        ("template.yaml", &|| step("checking template.yaml", || template::run(true))),
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
        bail!(
            "failed: {}: `cargo xtask generate` writes what is out of date; commit what it changes",
            failed.join(", ")
        );
    }
    Ok(())
}

/// Writes them all and prints the names of those that changed.
fn write(postgres_bin: &Path, nextest: &Path) -> Result<()> {
    let before = contents()?;
    let outcome = handlers::declare(false)
        .and_then(|()| query_data::generate(postgres_bin, false))
        .and_then(|()| step("writing pages", || pages(nextest, true)))
        .and_then(|()| step("writing template.yaml", || template::run(false)));
    // A failure doesn't hide what changed before it.
    let after = contents()?;
    for file in before.keys().chain(after.keys().filter(|file| !before.contains_key(*file))) {
        if before.get(file) != after.get(file) {
            print(&format!("changed: {}\n", file.display()))?;
        }
    }
    outcome
}

fn pages(nextest: &Path, update: bool) -> Result<()> {
    let mut command = Command::new(nextest);
    command.args(["nextest", "run", "--workspace", "--status-level", "fail", "--filterset", TESTS]);
    command.current_dir(workspace::root()).env_remove(UPDATE);
    if update {
        command.env(UPDATE, "1");
    }
    process::shown(&mut command)
}

/// What each file of this checkout says.
fn contents() -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let read = |file: PathBuf| {
        let content = std::fs::read(workspace::root().join(&file));
        content.with_context(|| format!("can't read {}", file.display())).map(|content| (file, content))
    };
    workspace::files(workspace::root())?.into_iter().map(read).collect()
}

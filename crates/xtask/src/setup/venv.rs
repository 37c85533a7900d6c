//! Programs from `PyPI`, each in a venv of its own under `target/`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::python;
use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const PATIENCE: Duration = Duration::from_mins(1);

/// The path of `program`, which `requirement` (a package with its version) brings. Installs it if it isn't there or doesn't answer
/// `question`.
pub(super) fn program(program: &str, question: &[&str], requirement: &str) -> Result<PathBuf> {
    install(program, question, requirement, &format!("installing {requirement} in a venv"), |pip| pip.arg(requirement))
}

/// [`program`] with exactly the packages of a lock file, which lies at `path` in this checkout and says `packages`.
pub(super) fn locked(program: &str, question: &[&str], path: &str, packages: &str) -> Result<PathBuf> {
    let file = workspace::root().join(path);
    // Without dependency resolution: the lock lists everything.
    let arguments = |pip: &mut Command| pip.args(["--no-deps", "--requirement"]).arg(&file);
    install(program, question, packages, &format!("installing {program} in a venv"), arguments)
}

/// `stamp` says what is installed.
fn install(
    program: &str,
    question: &[&str],
    stamp: &str,
    what: &str,
    arguments: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<PathBuf> {
    let folder = workspace::kept(program);
    let path = folder.join("bin").join(program);
    let file = folder.join("installed.txt");
    let installed = std::fs::read_to_string(&file).is_ok_and(|installed| installed == stamp);
    // A venv dies with the Python that it was made from, so the program must run too.
    if installed && ask(Command::new(&path).args(question), PATIENCE).is_ok() {
        return Ok(path);
    }
    step(what, || {
        logged(program, Command::new(python::find()?).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/python"));
        logged(program, arguments(pip.args(["-m", "pip", "install"])))?;
        std::fs::write(&file, stamp).with_context(|| format!("can't write {}", file.display()))
    })?;
    Ok(path)
}

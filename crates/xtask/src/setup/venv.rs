//! Programs from `PyPI`, each in a venv of its own under `target/`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::python;
use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const PATIENCE: Duration = Duration::from_mins(1);

/// The path of `program`, which `requirements` (packages with their versions, separated by blanks) bring. Installs it if it isn't there or
/// doesn't answer `question`.
pub(super) fn program(program: &str, question: &[&str], requirements: &str) -> Result<PathBuf> {
    let arguments: Vec<&OsStr> = requirements.split(' ').map(OsStr::new).collect();
    install(program, question, requirements, &format!("installing {requirements} in a venv"), &arguments)
}

/// [`program`] with exactly the packages of a lock file, which lies at `path` in this checkout and says `packages`.
pub(super) fn locked(program: &str, question: &[&str], path: &str, packages: &str) -> Result<PathBuf> {
    let file = workspace::root().join(path);
    // Without dependency resolution: the lock lists everything.
    let arguments = ["--no-deps".as_ref(), "--requirement".as_ref(), file.as_os_str()];
    install(program, question, packages, &format!("installing {program} in a venv"), &arguments)
}

/// `stamp` says what is installed.
fn install(program: &str, question: &[&str], stamp: &str, what: &str, arguments: &[&OsStr]) -> Result<PathBuf> {
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
        logged(program, pip.args(["-m", "pip", "install"]).args(arguments))?;
        std::fs::write(&file, stamp).with_context(|| format!("can't write {}", file.display()))
    })?;
    Ok(path)
}

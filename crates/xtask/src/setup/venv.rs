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
    let folder = workspace::kept(program);
    let path = folder.join("bin").join(program);
    let stamp = folder.join("installed.txt");
    let installed = std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirement);
    // A venv dies with the Python that it was made from, so the program must run too.
    if installed && ask(Command::new(&path).args(question), PATIENCE).is_ok() {
        return Ok(path);
    }
    step(&format!("installing {requirement} in a venv"), || {
        logged(program, Command::new(python::find()?).args(["-m", "venv", "--clear"]).arg(&folder))?;
        logged(program, Command::new(folder.join("bin/python")).args(["-m", "pip", "install", requirement]))?;
        std::fs::write(&stamp, requirement).with_context(|| format!("can't write {}", stamp.display()))
    })?;
    Ok(path)
}

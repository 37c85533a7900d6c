//! Harbor in a venv of its own, exactly the versions of our lock file.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::python;
use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const LOCK: &str = include_str!("../../harbor-0.26.0.lock.txt");
const LOG: &str = "harbor";

/// The venv's interpreter; installs the lock file's packages if it doesn't hold them yet.
pub(super) fn ensure() -> Result<PathBuf> {
    let folder = workspace::kept("harbor");
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.lock.txt");
    let installed = std::fs::read_to_string(&stamp).is_ok_and(|lock| lock == LOCK);
    // A venv dies with the Python that it was made from, so it must run too.
    if installed && ask(Command::new(&python).args(["-c", "pass"]), Duration::from_secs(15)).is_ok() {
        return Ok(python);
    }
    step("installing Harbor in a venv", || {
        let base = python::find()?;
        logged(LOG, Command::new(base).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let lock = workspace::root().join("crates/xtask/harbor-0.26.0.lock.txt");
        // Without dependency resolution: the lock lists everything, and a registry may lack what Harbor's own metadata asks for.
        let mut pip = Command::new(&python);
        logged(LOG, pip.args(["-m", "pip", "install", "--no-deps", "--requirement"]).arg(&lock))?;
        logged(LOG, Command::new(folder.join("bin/harbor")).env("HARBOR_TELEMETRY", "off").arg("--version"))?;
        std::fs::write(&stamp, LOCK).with_context(|| format!("can't write {}", stamp.display()))
    })?;
    Ok(python)
}

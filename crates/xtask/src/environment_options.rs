//! Writes the options of Harbor's environments, against which submissions are checked: `crates/domain/src/environment/options.json`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{setup, workspace};

const SCRIPT: &str = include_str!("environment_options.py");

/// `cargo xtask environment-options`: writes them again, from the schemas of the Harbor that set-up installs.
pub(crate) fn run() -> Result<()> {
    let mut harbor = Command::new(setup::harbor_python()?);
    let output = harbor.args(["-I", "-c", SCRIPT]).output().context("can't start Harbor's Python")?;
    ensure!(output.status.success(), "Harbor's schemas can't be read: {}", String::from_utf8_lossy(&output.stderr));
    workspace::write(&workspace::root().join("crates/domain/src/environment/options.json"), output.stdout)
}

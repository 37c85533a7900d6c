//! Writes the arguments of Harbor's agents, against which submissions are checked: `crates/domain/src/host_access/arguments.json`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{setup, workspace};

const SCRIPT: &str = include_str!("agent_arguments.py");

/// `cargo xtask agent-arguments`: writes them again, from the sources of the Harbor that set-up installs.
pub(crate) fn run() -> Result<()> {
    let mut harbor = Command::new(setup::harbor_python()?);
    // Otherwise a library that agents import asks the internet for its price list.
    let output = harbor.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").args(["-I", "-c", SCRIPT]).output();
    let output = output.context("can't start Harbor's Python")?;
    ensure!(output.status.success(), "Harbor's agents can't be read: {}", String::from_utf8_lossy(&output.stderr));
    workspace::write(&workspace::root().join("crates/domain/src/host_access/arguments.json"), output.stdout)
}

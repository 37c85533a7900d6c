//! typos, which checks the spelling.

use std::path::PathBuf;

use anyhow::Result;

use super::{lock, venv};

const TYPOS: &str = "typos==1.52.0";

/// The program, from `PyPI`. Installs it if it is missing.
pub(crate) fn ensure() -> Result<PathBuf> {
    let _lock = lock()?;
    venv::program("typos", &["--version"], TYPOS)
}

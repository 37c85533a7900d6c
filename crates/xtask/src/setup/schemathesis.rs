//! schemathesis, which makes requests from an `OpenAPI` document and checks the answers against it.

use std::path::PathBuf;

use anyhow::Result;

use super::{lock, venv};

/// The program. Installs it with exactly the packages of our lock file if it is missing.
pub(crate) fn ensure() -> Result<PathBuf> {
    let _lock = lock()?;
    let packages = include_str!("../../schemathesis-4.32.5.lock.txt");
    venv::locked("schemathesis", &["--version"], "crates/xtask/schemathesis-4.32.5.lock.txt", packages)
}

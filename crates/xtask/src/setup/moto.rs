//! moto, which plays AWS: here ECS and SQS.

use std::path::PathBuf;

use anyhow::Result;

use super::{lock, venv};

/// The program. Installs it with exactly the packages of our lock file if it is missing.
pub(crate) fn ensure() -> Result<PathBuf> {
    let _lock = lock()?;
    let packages = include_str!("../../moto-5.2.5.lock.txt");
    venv::locked("moto_server", &["--help"], "crates/xtask/moto-5.2.5.lock.txt", packages)
}

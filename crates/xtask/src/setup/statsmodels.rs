//! statsmodels, with `SciPy` and `NumPy`: what our statistics are tested against.

use std::path::PathBuf;

use anyhow::Result;

use super::{lock, venv};

/// A Python that can import the three. Installs exactly the packages of our lock file if they are missing.
pub(crate) fn python() -> Result<PathBuf> {
    let _lock = lock()?;
    let packages = include_str!("../../statsmodels-0.15.0.lock.txt");
    // The one program that comes with them.
    let program = venv::locked("numpy-config", &["--version"], "crates/xtask/statsmodels-0.15.0.lock.txt", packages)?;
    Ok(program.with_file_name("python"))
}

//! cargo-lambda, which builds functions for Lambda and runs them behind a local gateway.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::{lock, venv};
use crate::process::ask;

/// From this version on, the router takes several functions for one path.
const REQUIREMENT: &str = "cargo-lambda==1.9.2";
const QUESTION: [&str; 2] = ["lambda", "--version"];

/// The machine's own if it has one, else from `PyPI`.
pub(crate) fn ensure() -> Result<PathBuf> {
    let own = PathBuf::from("cargo-lambda");
    if ask(Command::new(&own).args(QUESTION), Duration::from_secs(15)).is_ok() {
        return Ok(own);
    }
    let _lock = lock()?;
    venv::program("cargo-lambda", &QUESTION, REQUIREMENT)
}

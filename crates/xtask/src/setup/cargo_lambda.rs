//! cargo-lambda, which builds functions for Lambda and runs them behind a local gateway, with the zig that it links by.

use std::path::PathBuf;

use anyhow::Result;

use super::{lock, venv};

/// Zig links against the C library of Lambda's system, whatever this machine has.
const REQUIREMENTS: &str = "cargo-lambda==1.9.2 ziglang==0.15.2";
const QUESTION: [&str; 2] = ["lambda", "--version"];

/// `cargo-lambda`, from `PyPI`. The `python` in the same folder has zig.
pub(crate) fn ensure() -> Result<PathBuf> {
    let _lock = lock()?;
    venv::program("cargo-lambda", &QUESTION, REQUIREMENTS)
}

//! The functions as Lambda takes them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::progress::{say, step};
use crate::setup::cargo_lambda;
use crate::{process, workspace};

/// Where the template looks for them.
const FOLDER: &str = "target/lambda";

/// `cargo xtask build-functions`: `target/lambda/<function>/bootstrap`, a release build for this machine's architecture; of all functions, or
/// of those that are named.
pub(crate) fn run(functions: &[String]) -> Result<()> {
    let cargo_lambda = cargo_lambda::ensure()?;
    step("building the functions", || {
        let mut build = Command::new(cargo_lambda);
        // With plain cargo: Amazon Linux 2023 has the libc that these binaries ask for, and no cross compiler is needed.
        build.args(["lambda", "build", "--profile", "lambda", "--compiler", "cargo", "--package", "oddish-functions"]);
        build.args(functions.iter().flat_map(|function| ["--bin", function.as_str()]));
        build.arg("--lambda-dir").arg(workspace::root().join(FOLDER));
        process::shown(build.current_dir(workspace::root()))
    })?;
    say(&format!("the functions lie in {FOLDER}/<function>/bootstrap"));
    Ok(())
}

/// The deployable program of a function.
pub(crate) fn program(function: &str) -> PathBuf {
    workspace::root().join(FOLDER).join(function).join("bootstrap")
}

/// Names of all functions, each of which has a binary.
pub(crate) fn names() -> Result<Vec<String>> {
    let folder = workspace::root().join("functions/src/bin");
    let files = std::fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))?;
    let mut functions = Vec::new();
    for file in files {
        let path = file?.path();
        functions.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    functions.sort();
    Ok(functions)
}

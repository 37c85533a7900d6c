//! A Python that Harbor runs on: 3.12 or newer, able to make a venv.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::apt::{Apt, Distribution};
use super::base_image::bootstrap;
use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const PATIENCE: Duration = Duration::from_secs(15);
const LOG: &str = "python";
/// Fails on a Python that is too old or comes without venv; prints its own place otherwise.
const CHECK: &str = "import sys, venv, ensurepip; assert sys.version_info >= (3, 12); print(sys.executable)";

/// A Python that was seen to run; as root on Debian or Ubuntu, one is made if there is none.
pub(super) fn find() -> Result<PathBuf> {
    if let Some(python) = candidates().iter().find_map(|candidate| runs(candidate)) {
        return Ok(python);
    }
    let Some(distribution) = Distribution::installable() else {
        bail!(
            "Harbor needs Python 3.12 or newer with venv, and no Python that was tried here is one.\n\
             Run this, then try again:\n    {}",
            if cfg!(target_os = "macos") { "brew install python@3.13" } else { "uv python install 3.13" }
        );
    };
    step("making a Python 3.13 from Debian 13 packages", || bootstrapped(&distribution))
}

/// Names on PATH may be shims that lead nowhere, so each candidate is run.
fn runs(candidate: &Path) -> Option<PathBuf> {
    let answer = ask(Command::new(candidate).args(["-c", CHECK]), PATIENCE).ok()?;
    answer.lines().last().map(PathBuf::from)
}

fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        ["python3.14", "python3.13", "python3.12", "python3"].map(PathBuf::from).into_iter().collect();
    let versions = std::env::home_dir().map(|home| home.join(".pyenv/versions"));
    let versions = versions.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin/python")).collect();
    versions.sort();
    found.extend(versions.into_iter().rev());
    if let Ok(python) = ask(Command::new("uv").args(["python", "find", ">=3.12"]), PATIENCE) {
        found.extend(python.lines().last().map(PathBuf::from));
    }
    found.push(bootstrap_folder().join("usr/bin/python3.13"));
    found
}

fn bootstrap_folder() -> PathBuf {
    workspace::kept("python")
}

/// The interpreter of a Debian 13 system in a folder. Debian 12's libc is too old for it, so its ELF header is made to name the libc
/// and the libraries in that folder: it then runs outside a chroot, and so do the programs that it starts.
fn bootstrapped(distribution: &Distribution) -> Result<PathBuf> {
    let root = bootstrap_folder();
    if root.exists() {
        std::fs::remove_dir_all(&root).with_context(|| format!("can't remove {}", root.display()))?;
    }
    bootstrap(distribution, "trixie", &["python3", "python3-venv", "ca-certificates"], &root, LOG)?;
    Apt::of(distribution, None, LOG)?.install(&["patchelf"])?;
    // Debian's ensurepip takes its wheels from an absolute path, where the host's own, older ones may lie.
    let data = format!("usr/lib/python3.13/_sysconfigdata__linux_{}-linux-gnu.py", std::env::consts::ARCH);
    let data = root.join(data);
    let text = std::fs::read_to_string(&data).with_context(|| format!("can't read {}", data.display()))?;
    let wheels = root.join("usr/share/python-wheels").display().to_string();
    workspace::write(&data, text.replace("/usr/share/python-wheels", &wheels))?;
    // Last, since it makes the program one that runs and is found.
    let python = root.join("usr/bin/python3.13");
    let libraries = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let loader = if cfg!(target_arch = "aarch64") { "ld-linux-aarch64.so.1" } else { "ld-linux-x86-64.so.2" };
    let mut command = Command::new("patchelf");
    command
        .arg("--set-interpreter")
        .arg(libraries.join(loader))
        .arg("--force-rpath")
        .arg("--set-rpath")
        .arg(&libraries);
    logged(LOG, command.arg(&python))?;
    runs(&python).with_context(|| format!("the Python in {} does not run", root.display()))
}

//! Sets up what trials and tests need on this machine, and says where it lies. Quick when everything is there.

mod apt;
mod base_image;
pub(crate) mod cargo_lambda;
pub(crate) mod cloudformation_lint;
mod docker;
mod harbor;
pub(crate) mod moto;
pub(crate) mod pooler;
mod postgres;
mod python;
pub(crate) mod schemathesis;
pub(crate) mod spelling;
pub(crate) mod statsmodels;
pub(crate) mod tools;
mod venv;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::progress::say;
use crate::workspace;

/// Where the programs lie that set-up found or installed.
pub(crate) struct Toolbox {
    /// A docker client that reaches its daemon and knows `compose`.
    pub(crate) docker: PathBuf,
    /// The interpreter of the venv that Harbor is installed in.
    pub(crate) harbor_python: PathBuf,
    /// The folder of `postgres`, `initdb` and `pg_ctl`.
    pub(crate) postgres_bin: PathBuf,
    /// A `PATH` on which plain `docker` is [`Toolbox::docker`]: Harbor calls it by that name.
    path: OsString,
}

impl Toolbox {
    /// Gives a command the environment in which Oddish finds these programs.
    pub(crate) fn equip<'command>(&self, command: &'command mut Command) -> &'command mut Command {
        command
            .env("PATH", &self.path)
            .env("ODDISH_HARBOR_PYTHON", &self.harbor_python)
            .env("ODDISH_POSTGRES_BIN", &self.postgres_bin)
    }
}

/// Installs what is missing.
pub(crate) fn run() -> Result<Toolbox> {
    let _lock = lock()?;
    let docker = docker::ensure()?;
    base_image::ensure(&docker, &base_image::OF_TASKS)?;
    let harbor_python = harbor::ensure()?;
    let postgres_bin = postgres::ensure()?;
    let path = docker::path_with(&docker)?;
    Ok(Toolbox { docker, harbor_python, postgres_bin, path })
}

/// `cargo xtask setup`: installs what is missing and says where it lies.
pub(crate) fn report() -> Result<()> {
    let toolbox = run()?;
    say(&format!("docker:   {}", toolbox.docker.display()));
    say(&format!("harbor:   {}", toolbox.harbor_python.display()));
    say(&format!("postgres: {}", toolbox.postgres_bin.display()));
    Ok(())
}

/// What the images of Oddish are built on.
pub(crate) fn image_base(docker: &Path) -> Result<()> {
    let _lock = lock()?;
    base_image::ensure(docker, &base_image::OF_ODDISH)
}

/// The server programs alone, for tasks that need no more. Installs them if they are missing.
pub(crate) fn postgres_bin() -> Result<PathBuf> {
    let _lock = lock()?;
    postgres::ensure()
}

/// Harbor's interpreter alone. Installs Harbor if it is missing.
pub(crate) fn harbor_python() -> Result<PathBuf> {
    let _lock = lock()?;
    harbor::ensure()
}

/// Two set-ups at once wait for each other. Held until dropped.
fn lock() -> Result<File> {
    let folder = workspace::kept("setup");
    workspace::create_folder(&folder)?;
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("can't create {}", path.display()))?;
    file.lock().with_context(|| format!("can't lock {}", path.display()))?;
    Ok(file)
}

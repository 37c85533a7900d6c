//! Paths in this checkout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The folder of the workspace's Cargo.toml.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

/// The files below a folder that git knows, or would know if they were added; by their paths below it.
pub(crate) fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let output = git.output().context("can't run git")?;
    ensure!(output.status.success(), "git can't list {}", root.display());
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| root.join(file).is_file()).collect())
}

/// What set-up keeps between runs: not in `CARGO_TARGET_DIR`, so that several target folders share one installation.
pub(crate) fn kept(name: &str) -> PathBuf {
    root().join("target").join(name)
}

/// The log file of a long command.
pub(crate) fn log(name: &str) -> Result<PathBuf> {
    let folder = kept("setup");
    create_folder(&folder)?;
    Ok(folder.join(format!("{name}.log")))
}

/// Where cargo puts this workspace's debug binaries: this program is one of them.
pub(crate) fn binaries() -> Result<PathBuf> {
    let own = std::env::current_exe().context("can't tell where xtask itself lies")?;
    Ok(own.parent().context("xtask lies in no folder")?.to_path_buf())
}

/// Creates a folder and its parents.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't create the folder {}", folder.display()))
}

/// Writes a whole file.
pub(crate) fn write(file: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(file, content).with_context(|| format!("can't write {}", file.display()))
}

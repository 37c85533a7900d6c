//! Paths in this checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folder of the workspace's Cargo.toml.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
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

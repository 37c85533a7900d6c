//! The images that others are built on: Debian's.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::apt::{Apt, Distribution};
use crate::process::{ask, logged, logged_within, spawn, wait};
use crate::progress::{say, step};
use crate::workspace;

/// What our example and test tasks are built on.
pub(super) const OF_TASKS: BaseImage = BaseImage { name: "debian:bookworm-slim", release: "bookworm" };
/// What the images of Oddish are built on.
pub(super) const OF_ODDISH: BaseImage = BaseImage { name: "debian:trixie-slim", release: "trixie" };

/// An image of a release of Debian.
pub(super) struct BaseImage {
    name: &'static str,
    release: &'static str,
}

/// A registry that can't be reached must not hold us up for long; 30 MB come through in this time where it can.
const PULL_LIMIT: Duration = Duration::from_secs(30);

/// Has the image there: as it is, pulled, or made with debootstrap.
pub(super) fn ensure(docker: &Path, image: &BaseImage) -> Result<()> {
    let name = image.name;
    if ask(Command::new(docker).args(["image", "inspect", "--format", "{{.Id}}", name]), PULL_LIMIT).is_ok() {
        return Ok(());
    }
    let pulled = step(&format!("pulling the image {name}"), || {
        logged_within("base-image", Command::new(docker).args(["pull", "--quiet", name]), Some(PULL_LIMIT))
    });
    let Err(refusal) = pulled else { return Ok(()) };
    let Some(distribution) = Distribution::installable() else {
        bail!("{refusal:#}\nThe image {name} can't be pulled. Check the network, then run: docker pull {name}");
    };
    say("    no registry in reach: making the image from Debian packages");
    step(&format!("making the image {name} with debootstrap"), || make(docker, &distribution, image))
}

fn make(docker: &Path, distribution: &Distribution, image: &BaseImage) -> Result<()> {
    let folder = workspace::kept("setup").join("base-image");
    remove(&folder)?;
    bootstrap(distribution, image.release, &["ca-certificates"], &folder, "base-image")?;
    // The downloaded packages are a third of the folder, and no trial needs them.
    remove(&folder.join("var/cache/apt/archives"))?;
    workspace::create_folder(&folder.join("var/cache/apt/archives/partial"))?;

    let mut tar = spawn(Command::new("tar").arg("-C").arg(&folder).args(["-c", "."]).stdout(Stdio::piped()))?;
    let archive = tar.stdout.take().context("tar has no stdout")?;
    let import = Command::new(docker)
        .args(["import", "--change", "CMD [\"bash\"]", "-", image.name])
        .stdin(archive)
        .stdout(Stdio::null())
        .spawn();
    let imported = wait(&mut import.context("can't start docker import")?, None)?;
    if !wait(&mut tar, None)?.success() || !imported.success() {
        bail!("can't import {} into Docker as {}", folder.display(), image.name);
    }
    remove(&folder)
}

/// Makes the folder `root` a minimal Debian system of `release`.
pub(super) fn bootstrap(
    distribution: &Distribution,
    release: &str,
    packages: &[&str],
    root: &Path,
    log: &'static str,
) -> Result<()> {
    if ask(Command::new("debootstrap").arg("--version"), PULL_LIMIT).is_err() {
        Apt::of(distribution, None, log)?.install(&["debootstrap", "debian-archive-keyring"])?;
    }
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--include={}", packages.join(","))]);
    logged(log, command.arg(release).arg(root).arg(distribution.debian_mirror()))
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

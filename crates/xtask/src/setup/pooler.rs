//! `PgBouncer` in the two versions that the tests go through, each in a folder of its own under `target/`.
//!
//! Debian's packages are unpacked, not installed: one that is installed starts a service, and there can be only one version of it. Each
//! comes with all its libraries and is started by its own dynamic linker, so that it runs whatever libc the machine has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::apt::{Apt, Distribution};
use super::lock;
use crate::process::{ask, logged};
use crate::progress::step;
use crate::workspace;

const PATIENCE: Duration = Duration::from_secs(15);
const LOG: &str = "pooler";
/// The first version that follows named prepared statements.
const FIRST_THAT_FOLLOWS: Version = (1, 21);

/// Major and minor version.
type Version = (u32, u32);

/// What a pooler does about prepared statements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// It follows named ones: a client finds its statements on whichever server connection it is given.
    Named,
    /// It doesn't. Clients keep none (`ODDISH_DB_STATEMENT_CACHE=0`).
    Unnamed,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Named, Self::Unnamed];

    /// Its name, as the tests know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Unnamed => "unnamed",
        }
    }

    /// The version that we fetch.
    fn fetched_version(self) -> Version {
        match self {
            Self::Named => (1, 24),
            Self::Unnamed => (1, 18),
        }
    }

    /// The release of Debian that has it.
    fn release(self) -> &'static str {
        match self {
            Self::Named => "trixie",
            Self::Unnamed => "bookworm",
        }
    }

    /// The package there, and those of every library that it loads.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Named => &[
                "pgbouncer",
                "libaudit1",
                "libc6",
                "libcap-ng0",
                "libcap2",
                "libcares2",
                "libevent-2.1-7t64",
                "libpam0g",
                "libssl3t64",
                "libsystemd0",
                "libzstd1",
                "zlib1g",
            ],
            Self::Unnamed => &[
                "pgbouncer",
                "libaudit1",
                "libc-ares2",
                "libc6",
                "libcap-ng0",
                "libcap2",
                "libevent-2.1-7",
                "libgcrypt20",
                "libgpg-error0",
                "liblz4-1",
                "liblzma5",
                "libpam0g",
                "libssl3",
                "libsystemd0",
                "libzstd1",
            ],
        }
    }

    /// Whether a `PgBouncer` that the machine has can play this part. A newer one can be told not to follow statements.
    fn is_played_by(self, version: Version) -> bool {
        self == Self::Unnamed || version >= FIRST_THAT_FOLLOWS
    }
}

/// A `PgBouncer` that was seen to run.
pub(crate) struct PgBouncer {
    program: PathBuf,
    arguments: Vec<OsString>,
    version: Version,
}

impl PgBouncer {
    /// Starts it, with what is added.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// How many named statements of clients it can be told to follow on each server connection. An older version refuses the setting.
    pub(crate) fn knows_max_prepared_statements(&self) -> bool {
        self.version >= FIRST_THAT_FOLLOWS
    }

    /// Looks whether it runs, and in which version.
    fn seen(program: PathBuf, arguments: Vec<OsString>) -> Result<Self, String> {
        let answer = ask(Command::new(&program).args(&arguments).arg("--version"), PATIENCE)?;
        let version = version(&answer).ok_or_else(|| format!("{} answered {answer}", program.display()))?;
        Ok(Self { program, arguments, version })
    }

    /// The one that lies in a folder with its libraries.
    fn of_folder(root: &Path) -> Result<Self, String> {
        let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
        // Debian 12's packages still have some libraries in /lib.
        let libraries = ["usr/lib", "lib"].map(|folder| root.join(folder).join(&triple));
        let name = if cfg!(target_arch = "aarch64") { "ld-linux-aarch64.so.1" } else { "ld-linux-x86-64.so.2" };
        let linker = libraries.iter().map(|folder| folder.join(name)).find(|linker| linker.is_file());
        let linker = linker.ok_or_else(|| format!("there is no {name} in {}", root.display()))?;
        let path = std::env::join_paths(&libraries).map_err(|error| error.to_string())?;
        Self::seen(linker, vec!["--library-path".into(), path, root.join("usr/sbin/pgbouncer").into()])
    }
}

/// The `PgBouncer` for this kind. Fetches it if it is missing, where Debian's packages can be had; elsewhere takes the machine's own.
pub(crate) fn ensure(kind: Kind) -> Result<PgBouncer> {
    let _lock = lock()?;
    let (major, minor) = kind.fetched_version();
    let root = workspace::kept(&format!("pgbouncer-{major}.{minor}"));
    if let Ok(found) = PgBouncer::of_folder(&root)
        && found.version == kind.fetched_version()
    {
        return Ok(found);
    }
    let Some(distribution) = Distribution::of_machine().filter(Distribution::has_debian_packages) else {
        return of_machine(kind);
    };
    step(&format!("fetching PgBouncer {major}.{minor} from Debian packages"), || fetch(&distribution, kind, &root))
}

fn fetch(distribution: &Distribution, kind: Kind, root: &Path) -> Result<PgBouncer> {
    // The folder gets its name when it is complete: for a library that it lacks the linker would take one of the machine.
    let unfinished = root.with_added_extension("unfinished");
    for folder in [root, &unfinished] {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("can't remove {}", folder.display()))?;
        }
    }
    workspace::create_folder(&unfinished)?;
    for package in Apt::of(distribution, Some(kind.release()), LOG)?.download(kind.packages())? {
        logged(LOG, Command::new("dpkg-deb").arg("--extract").arg(package).arg(&unfinished))?;
    }
    std::fs::rename(&unfinished, root).with_context(|| format!("can't rename {}", unfinished.display()))?;
    let found = PgBouncer::of_folder(root);
    let found = found.map_err(|reason| anyhow::anyhow!("PgBouncer was fetched but does not run: {reason}"))?;
    if found.version != kind.fetched_version() {
        bail!("Debian {} has PgBouncer {:?}, not {:?}", kind.release(), found.version, kind.fetched_version());
    }
    Ok(found)
}

/// The one on `PATH`, if it can be had.
fn of_machine(kind: Kind) -> Result<PgBouncer> {
    let found = PgBouncer::seen("pgbouncer".into(), Vec::new());
    let reason = match found {
        Ok(found) if kind.is_played_by(found.version) => return Ok(found),
        Ok(PgBouncer { version: (major, minor), .. }) => format!("the one on PATH is {major}.{minor}"),
        Err(reason) => reason,
    };
    bail!(
        "the tests want PgBouncer {}.{} or newer on PATH, and there is none: {reason}\nRun this, then try again:\n    {}",
        FIRST_THAT_FOLLOWS.0,
        FIRST_THAT_FOLLOWS.1,
        advice()
    );
}

fn advice() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install pgbouncer";
    }
    match Distribution::of_machine() {
        // With Debian's keys its packages can be fetched without root.
        Some(_) => "sudo apt-get install debian-archive-keyring",
        None => "install PgBouncer with your system's package manager (Fedora: sudo dnf install pgbouncer)",
    }
}

/// The version in what `pgbouncer --version` prints.
fn version(answer: &str) -> Option<Version> {
    let mut numbers = answer.strip_prefix("PgBouncer ")?.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Kind, version};

    #[test]
    fn versions_are_read() {
        assert_eq!(version("PgBouncer 1.24.1\nlibevent 2.1.13-stable\n"), Some((1, 24)));
        assert_eq!(version("PgBouncer 1.18.0\n"), Some((1, 18)));
        assert_eq!(version("something else 1.24"), None);
    }

    #[test]
    fn a_new_version_plays_both_parts_and_an_old_one_only_the_old() {
        assert!(Kind::ALL.iter().all(|kind| kind.is_played_by((1, 25))));
        assert!(Kind::Unnamed.is_played_by((1, 20)) && !Kind::Named.is_played_by((1, 20)));
        assert!(Kind::ALL.iter().all(|kind| kind.is_played_by(kind.fetched_version())));
    }
}

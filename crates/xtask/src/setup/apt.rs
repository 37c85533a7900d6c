//! Installing Debian and Ubuntu packages, from the machine's own distribution or from another Debian release.
//!
//! Other repositories of the machine are left out: one of them being unreachable must not stop us.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::logged;
use crate::workspace;

/// Where both distributions keep the keys that Debian's releases are signed with.
const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The distribution of a machine that has apt.
pub(crate) struct Distribution {
    /// `debian` or `ubuntu`.
    pub(crate) id: String,
    /// The release's name, such as `bookworm`.
    pub(crate) codename: String,
}

impl Distribution {
    /// The distribution of this machine, if it is one that we can install packages on, and if we may: as root.
    pub(crate) fn installable() -> Option<Self> {
        let found = Self::of_machine()?;
        nix::unistd::geteuid().is_root().then_some(found)
    }

    /// The distribution of this machine if it is Debian or Ubuntu.
    pub(crate) fn of_machine() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/etc/os-release").ok()?)
    }

    /// Whether packages of any Debian release can be fetched here: apt has Debian's keys, or we may install them.
    pub(crate) fn has_debian_packages(&self) -> bool {
        self.id == "debian" || Path::new(DEBIAN_KEYS).is_file() || nix::unistd::geteuid().is_root()
    }

    /// The Debian mirror that the machine uses; Debian's own where it names none.
    pub(crate) fn debian_mirror(&self) -> String {
        let named = self.sources(None).lines().find_map(|line| {
            let mut words = line.split_whitespace();
            words.find(|word| word.starts_with("http")).filter(|_| self.id == "debian").map(str::to_owned)
        });
        named.unwrap_or_else(|| "http://deb.debian.org/debian".to_owned())
    }

    fn parse(os_release: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        let id = value("ID").filter(|id| id == "debian" || id == "ubuntu")?;
        Some(Self { id, codename: value("VERSION_CODENAME")? })
    }

    /// What apt is to read: of the machine's own release, or of a Debian release. Ubuntu has no stanza that could be moved to that.
    fn sources_of(&self, release: Option<&str>, log: &'static str) -> Result<String> {
        let Some(release) = release.filter(|_| self.id != "debian") else { return Ok(self.sources(release)) };
        if !Path::new(DEBIAN_KEYS).is_file() {
            Apt::of(self, None, log)?.install(&["debian-archive-keyring"])?;
        }
        Ok(format!(
            "Types: deb\nURIs: {}\nSuites: {release}\nComponents: main\nSigned-By: {DEBIAN_KEYS}\n",
            self.debian_mirror()
        ))
    }

    /// The machine's own stanzas for its distribution, in the deb822 form; with `release`, only the main one, moved to that release.
    fn sources(&self, release: Option<&str>) -> String {
        let mut stanzas = Vec::new();
        for file in source_files() {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if file.extension().is_some_and(|extension| extension == "sources") {
                stanzas.extend(text.split("\n\n").filter_map(|stanza| rewritten(stanza, &self.codename, release)));
            } else {
                let converted = text.lines().filter_map(stanza_of_line);
                stanzas.extend(converted.filter_map(|stanza| rewritten(&stanza, &self.codename, release)));
            }
        }
        stanzas.join("\n")
    }
}

/// A stanza without its comments if it belongs to the release `codename`; moved to `release` if one is named.
fn rewritten(stanza: &str, codename: &str, release: Option<&str>) -> Option<String> {
    let lines: Vec<&str> = stanza.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let suites = lines.iter().find_map(|line| line.strip_prefix("Suites:"))?;
    let belongs = |suite: &str| match release {
        Some(_) => suite == codename,
        None => suite == codename || suite.starts_with(&format!("{codename}-")),
    };
    if !suites.split_whitespace().any(belongs) {
        return None;
    }
    let lines = lines.into_iter().map(|line| match release {
        Some(release) if line.starts_with("Suites:") => format!("Suites: {release}\n"),
        _ => format!("{line}\n"),
    });
    Some(lines.collect())
}

/// A line of a sources.list as a deb822 stanza.
fn stanza_of_line(line: &str) -> Option<String> {
    let mut rest = line.trim().strip_prefix("deb ")?.trim();
    let mut options = Vec::new();
    if let Some((inside, after)) = rest.strip_prefix('[').and_then(|text| text.split_once(']')) {
        rest = after.trim();
        let fields = inside.split_whitespace().filter_map(|option| match option.split_once('=')? {
            ("signed-by", key) => Some(format!("Signed-By: {key}\n")),
            ("arch", names) => Some(format!("Architectures: {}\n", names.replace(',', " "))),
            _ => None,
        });
        options.extend(fields);
    }
    let (uri, rest) = rest.split_once(' ')?;
    let (suite, components) = rest.trim().split_once(' ')?;
    let (components, options) = (components.trim(), options.concat());
    Some(format!("Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {components}\n{options}"))
}

fn source_files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(parts.map(|entry| entry.path()));
    files.sort();
    files
}

/// apt with a package list of its own, so that the machine's sources and lists stay as they are.
pub(crate) struct Apt {
    folder: PathBuf,
    release: Option<String>,
    log: &'static str,
}

impl Apt {
    /// The machine's own release, or one of Debian (`trixie`). Fetches the package list.
    pub(crate) fn of(distribution: &Distribution, release: Option<&str>, log: &'static str) -> Result<Self> {
        let folder = workspace::kept("setup").join(format!("apt-{}", release.unwrap_or("own")));
        for part in ["sources", "lists/partial", "cache/archives/partial", "packages"] {
            workspace::create_folder(&folder.join(part))?;
        }
        let sources = distribution.sources_of(release, log)?;
        if sources.is_empty() {
            bail!("found no stanza for {} {} in /etc/apt", distribution.id, distribution.codename);
        }
        workspace::write(&folder.join("sources/distribution.sources"), sources)?;
        let apt = Self { folder, release: release.map(str::to_owned), log };
        logged(log, apt.command().arg("update"))?;
        Ok(apt)
    }

    /// Installs packages by name.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<()> {
        logged(self.log, self.command().args(["install", "--yes", "--no-install-recommends"]).args(packages))
    }

    /// Fetches packages without installing them or what they need. Returns the files.
    pub(crate) fn download(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join("packages");
        std::fs::remove_dir_all(&folder).with_context(|| format!("can't empty {}", folder.display()))?;
        workspace::create_folder(&folder)?;
        // With its release: apt would else look for the version that is installed, where that is a newer one.
        let suffix = self.release.as_ref().map(|release| format!("/{release}")).unwrap_or_default();
        let packages = packages.iter().map(|package| format!("{package}{suffix}"));
        logged(self.log, self.command().current_dir(&folder).arg("download").args(packages))?;
        let files = std::fs::read_dir(&folder).with_context(|| format!("can't list {}", folder.display()))?;
        Ok(files.flatten().map(|entry| entry.path()).collect())
    }

    fn command(&self) -> Command {
        let option = |name: &str, value: &Path| format!("{name}={}", value.display());
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-o", &option("Dir::Etc::sourceparts", &self.folder.join("sources"))])
            .args(["-o", "Dir::Etc::sourcelist=/dev/null"])
            .args(["-o", &option("Dir::State::lists", &self.folder.join("lists"))])
            .args(["-o", &option("Dir::Cache", &self.folder.join("cache"))])
            // Another installation on this machine may be under way.
            .args(["-o", "DPkg::Lock::Timeout=300"]);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, rewritten, stanza_of_line};

    const OWN: &str =
        "Types: deb\n# a comment\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main\n";

    #[test]
    fn a_stanza_moves_to_another_release() {
        let moved = rewritten(OWN, "bookworm", Some("trixie"));
        assert_eq!(
            moved.as_deref(),
            Some("Types: deb\nURIs: http://mirror/debian\nSuites: trixie\nComponents: main\n")
        );
    }

    #[test]
    fn security_is_kept_for_the_own_release_only() {
        let security = OWN.replace("bookworm bookworm-updates", "bookworm-security");
        assert!(rewritten(&security, "bookworm", None).is_some());
        assert_eq!(rewritten(&security, "bookworm", Some("trixie")), None);
    }

    #[test]
    fn other_repositories_are_left_out() {
        let other = stanza_of_line("deb https://packages.example/apt cloud-sdk-bookworm main").unwrap();
        assert_eq!(rewritten(&other, "bookworm", None), None);
    }

    #[test]
    fn a_line_becomes_a_stanza() {
        let stanza =
            stanza_of_line("deb [arch=amd64 signed-by=/k.gpg] http://mirror/ubuntu noble main universe").unwrap();
        let expected = "Types: deb\nURIs: http://mirror/ubuntu\nSuites: noble\nComponents: main universe\n\
                        Architectures: amd64\nSigned-By: /k.gpg\n";
        assert_eq!(stanza.lines().count(), expected.lines().count(), "{stanza}");
        assert!(expected.lines().all(|line| stanza.contains(line)), "{stanza}");
        assert_eq!(stanza_of_line("deb-src http://mirror/ubuntu noble main"), None);
    }

    #[test]
    fn the_distribution_is_read_from_os_release() {
        let debian = Distribution::parse("ID=debian\nVERSION_CODENAME=bookworm\n").unwrap();
        assert_eq!((debian.id.as_str(), debian.codename.as_str()), ("debian", "bookworm"));
        assert!(Distribution::parse("ID=fedora\nVERSION_ID=42\n").is_none());
    }
}

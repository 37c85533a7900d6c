use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// The oldest major version that Oddish's migrations run on.
pub(crate) const OLDEST: u32 = 15;

/// An installation of the Postgres server: `postgres`, `initdb` and `pg_ctl` in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPrograms {
    folder: PathBuf,
    major: u32,
}

impl ServerPrograms {
    /// The first usable installation: in `explicit` alone if it is given (`ODDISH_POSTGRES_BIN`), else on `PATH`, then in the places
    /// of Debian, Homebrew and Red Hat, each newest first.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], or [`Error::NotInFolder`] for `explicit`.
    pub fn find(explicit: Option<&Path>) -> Result<Self, Error> {
        Self::all(explicit)?.into_iter().next().ok_or(Error::NotInstalled)
    }

    /// Like [`ServerPrograms::find`], but of the version that wrote the data in `data`, if there is any: a server reads only the data of its own major version.
    pub(crate) fn for_data(explicit: Option<&Path>, data: &Path) -> Result<Self, Error> {
        let Ok(version) = std::fs::read_to_string(data.join("PG_VERSION")) else { return Self::find(explicit) };
        let wanted: u32 = version.trim().parse().unwrap_or_default();
        let all = Self::all(explicit)?;
        let found = all.iter().map(|programs| programs.major.to_string()).collect::<Vec<_>>().join(", ");
        let fitting = all.into_iter().find(|programs| programs.major == wanted);
        fitting.ok_or_else(|| Error::OtherVersion { folder: data.to_path_buf(), wanted, found })
    }

    /// The folder of the programs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn all(explicit: Option<&Path>) -> Result<Vec<Self>, Error> {
        if let Some(folder) = explicit {
            let programs = Self::in_folder(folder).ok_or_else(|| Error::NotInFolder(folder.to_path_buf()))?;
            return Ok(vec![programs]);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found: Vec<Self> = std::env::split_paths(&path).filter_map(|folder| Self::in_folder(&folder)).collect();
        let mut elsewhere: Vec<Self> =
            installed_folders().iter().filter_map(|folder| Self::in_folder(folder)).collect();
        elsewhere.sort_by_key(|programs| std::cmp::Reverse(programs.major));
        found.extend(elsewhere);
        if found.is_empty() { Err(Error::NotInstalled) } else { Ok(found) }
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        if !["postgres", "initdb", "pg_ctl"].iter().all(|program| folder.join(program).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        (major >= OLDEST).then(|| Self { folder: folder.to_path_buf(), major })
    }
}

/// The major version in what `postgres --version` prints.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    // Before a release there is `18beta1`.
    let digits = version.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Folders off the `PATH` in which packages put the server.
fn installed_folders() -> Vec<PathBuf> {
    let inside = |parent: &str, prefix: &str, below: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        named.map(|entry| entry.path().join(below)).collect()
    };
    let mut folders = inside("/usr/lib/postgresql", "", "bin");
    folders.extend(inside("/opt/homebrew/opt", "postgresql", "bin"));
    folders.extend(inside("/usr/local/opt", "postgresql", "bin"));
    folders.extend(inside("/usr", "pgsql-", "bin"));
    folders
}

#[cfg(test)]
mod tests {
    use super::{ServerPrograms, major_version};
    use crate::Error;

    #[test]
    fn versions_are_read() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn a_folder_without_the_programs_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let error = ServerPrograms::find(Some(empty.path())).unwrap_err();
        assert!(matches!(&error, Error::NotInFolder(folder) if folder == empty.path()), "{error}");
    }
}

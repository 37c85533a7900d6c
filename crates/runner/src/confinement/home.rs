//! The folder that Harbor takes for its user's home: temporary files, caches, and the settings of the programs that it starts. It lies in
//! the attempt's folder and goes when Harbor has ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tracing::warn;
use walkdir::WalkDir;

use super::copying::copy_tree;
use super::docker_config::DockerConfig;
use crate::attempt::Scratch;

/// Harbor's home folder.
#[derive(Debug)]
pub struct HarborHome {
    /// None while it is dropped.
    folder: Option<TempDir>,
    scratch: PathBuf,
}

impl HarborHome {
    /// Makes one in the attempt's folder, which is made too.
    ///
    /// Its name is its own: a second runner of the same attempt, which learns only later that it is not needed, has another, and the
    /// attempt's folder is not gone as long as there is one.
    pub fn make(scratch: &Scratch) -> io::Result<Self> {
        let folder = loop {
            DirBuilder::new().recursive(true).mode(0o700).create(scratch.root())?;
            match tempfile::Builder::new().prefix("home-").tempdir_in(scratch.root()) {
                Ok(folder) => break folder,
                // The second runner removed the folder just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        };
        let home = Self { folder: Some(folder), scratch: scratch.root().to_path_buf() };
        fs::create_dir(home.temporary())?;
        Ok(home)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().map_or(&self.scratch, TempDir::path)
    }

    /// Where temporary files go.
    pub fn temporary(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// Lets what Harbor may read besides be found at its usual place: what lies below the user's home is linked below this one.
    pub fn link(&self, read: &[PathBuf], home: &Path) -> io::Result<()> {
        for path in read {
            let Ok(below) = path.strip_prefix(home) else { continue };
            let link = self.path().join(below);
            if below.as_os_str().is_empty() || link.exists() {
                continue;
            }
            if let Some(folder) = link.parent() {
                fs::create_dir_all(folder)?;
            }
            symlink(path, link)?;
        }
        Ok(())
    }

    /// Does what [`link`](Self::link) does where Harbor, as another user, could not follow a link: it gets copies.
    pub fn copy(&self, read: &[PathBuf], home: &Path) -> io::Result<()> {
        for path in read {
            let Ok(below) = path.strip_prefix(home) else { continue };
            if !below.as_os_str().is_empty() && path.exists() {
                copy_tree(path, &self.path().join(below))?;
            }
        }
        Ok(())
    }

    /// Puts the settings of Docker's client in place and returns the variables by which programs find everything here.
    pub fn furnish(&self, docker: &DockerConfig) -> io::Result<BTreeMap<OsString, OsString>> {
        let here = |name: &str| self.path().join(name).into_os_string();
        let folders = [
            ("HOME", self.path().into()),
            ("TMPDIR", self.temporary().into()),
            ("BUILDX_CONFIG", here("buildx")),
            ("XDG_CACHE_HOME", here(".cache")),
            ("XDG_CONFIG_HOME", here(".config")),
            ("XDG_DATA_HOME", here(".local/share")),
            ("XDG_RUNTIME_DIR", here("tmp")),
            ("XDG_STATE_HOME", here(".local/state")),
        ];
        let docker = docker.copy(&self.path().join(".docker"))?;
        Ok(folders.into_iter().map(|(name, value)| (OsString::from(name), value)).chain(docker).collect())
    }
}

impl Drop for HarborHome {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take()
            && let Err(error) = folder.close()
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(%error, "cannot remove Harbor's home folder");
        }
        // It stays as long as the attempt has anything in it.
        let _not_empty = fs::remove_dir(&self.scratch);
    }
}

/// Gives a folder, and all that is in it, to the user who Harbor is, and closes it to others.
pub fn hand_over(folder: &Path, user: u32) -> io::Result<()> {
    for entry in WalkDir::new(folder) {
        lchown(entry?.path(), Some(user), Some(user))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// A path as a person writes it: `~` is the home folder.
pub fn expanded(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_path_buf(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runners_of_an_attempt_do_not_take_each_others_folder_away() {
        let jobs = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(jobs.path(), "t-0", 1);
        let (ours, late) = (HarborHome::make(&scratch).unwrap(), HarborHome::make(&scratch).unwrap());
        drop(late);
        assert!(ours.temporary().is_dir());
        drop(ours);
        assert!(!scratch.root().exists());
    }

    #[test]
    fn what_may_be_read_is_found_where_it_was() {
        let user = tempfile::tempdir().unwrap();
        let config = user.path().join(".config/tool/token");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::write(&config, "x").unwrap();
        let jobs = tempfile::tempdir().unwrap();
        let home = HarborHome::make(&Scratch::new(jobs.path(), "t-0", 1)).unwrap();
        let read = ["~/.config/tool/token", "/etc/hostname", "~/nothing"].map(|path| expanded(path, user.path()));
        home.link(&read, user.path()).unwrap();
        assert_eq!(fs::read_to_string(home.path().join(".config/tool/token")).unwrap(), "x");
        assert_eq!(expanded("~x/y", user.path()), Path::new("~x/y"));
        let variables = home.furnish(&DockerConfig::default()).unwrap();
        assert!(variables.values().all(|value| Path::new(value).starts_with(home.path())), "{variables:?}");
    }
}

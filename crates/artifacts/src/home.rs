//! The folder of this machine below which everything lies that no setting puts elsewhere.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf, absolute};

use nix::unistd::{User, geteuid};
use oddish_domain::settings::{Reader, Setting};

use crate::key::TEMPORARY_FOLDER;

/// Names the folder.
pub const HOME: Setting<Option<PathBuf>> = Setting::optional("ODDISH_HOME").doc(
    "Folder for everything that has no other setting: artifacts, running trials, the private Postgres, the server's secret. Only this \
     user may have write access. Unset: /var/lib/oddish as root, else oddish below XDG_DATA_HOME or ~/.local/share.",
);
const XDG_DATA_HOME: Setting<Option<PathBuf>> = Setting::optional("XDG_DATA_HOME");
const USERS_HOME: Setting<Option<PathBuf>> = Setting::optional("HOME");

/// The folder, absolute. A fault where neither the settings nor the system say where it could be.
pub fn home(reader: &mut Reader<'_>) -> PathBuf {
    if let Some(named) = reader.get(&HOME) {
        return made_absolute(reader, &HOME, named);
    }
    if geteuid().is_root() {
        return PathBuf::from("/var/lib/oddish");
    }
    let below_users_home = |home: PathBuf| home.join(".local/share");
    let data = reader.get(&XDG_DATA_HOME).or_else(|| reader.get(&USERS_HOME).map(below_users_home));
    let data = data.or_else(|| Some(below_users_home(User::from_uid(geteuid()).ok()??.dir)));
    if let Some(data) = data.filter(|data| data.is_absolute()) {
        return data.join("oddish");
    }
    reader.reject(&HOME, "must name a folder, since this user has none of its own");
    PathBuf::from("oddish")
}

/// The folder that a setting names, else the one of this name in [`home`]; absolute, so that processes with other working folders share it.
pub fn folder_or_below_home(reader: &mut Reader<'_>, setting: &Setting<Option<PathBuf>>, name: &str) -> PathBuf {
    match reader.get(setting) {
        Some(named) => made_absolute(reader, setting, named),
        None => home(reader).join(name),
    }
}

fn made_absolute(reader: &mut Reader<'_>, setting: &Setting<Option<PathBuf>>, path: PathBuf) -> PathBuf {
    absolute(&path).unwrap_or_else(|error| {
        reader.reject(setting, format!("must be a path that can be made absolute ({error})"));
        path
    })
}

/// What an earlier version kept in a folder that was the default then.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} holds files: it was the default for {setting} in earlier versions, and now {} is. To keep it, set {setting}={}. To move it while \
     nothing of Oddish runs: `mkdir -p {} && cp -a {}/. {}/ && rm -r {}`",
    old.display(), new.display(), old.display(), new.display(), old.display(), new.display(), old.display()
)]
pub struct LeftBehind {
    /// The setting that names the folder.
    pub setting: &'static str,
    /// The default of earlier versions.
    pub old: PathBuf,
    /// Today's.
    pub new: PathBuf,
}

/// Fails where `old`, which earlier versions used when `setting` named no folder, holds something and is this user's: whoever started on `new`
/// would miss it.
pub fn check_old_default(setting: &'static str, old: &Path, new: &Path) -> Result<(), LeftBehind> {
    let is_ours = fs::symlink_metadata(old).is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
    // The store always has its folder for temporary files.
    let holds = |entry: std::io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != TEMPORARY_FOLDER);
    if !is_ours || !fs::read_dir(old).is_ok_and(|mut entries| entries.any(holds)) {
        return Ok(());
    }
    Err(LeftBehind { setting, old: old.to_path_buf(), new: new.to_path_buf() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_left_is_told_with_the_setting_that_keeps_it() {
        let place = tempfile::tempdir().unwrap();
        let (old, new) = (place.path().join("old"), place.path().join("new"));
        let check = || check_old_default("ODDISH_FOLDER", &old, &new);
        check().unwrap();
        fs::create_dir_all(old.join(TEMPORARY_FOLDER)).unwrap();
        check().unwrap();
        fs::create_dir(old.join("tasks")).unwrap();
        let error = check().unwrap_err().to_string();
        let keep = format!("set ODDISH_FOLDER={}.", old.display());
        assert!(
            error.contains(&keep) && error.contains(&format!("cp -a {}/. {}/", old.display(), new.display())),
            "{error}"
        );
    }

    #[test]
    fn moving_it_as_told_is_enough() {
        let place = tempfile::tempdir().unwrap();
        let (old, new) = (place.path().join("old"), place.path().join("home/new"));
        crate::own_folder::make(&old.join("tasks")).unwrap();
        let error = check_old_default("ODDISH_FOLDER", &old, &new).unwrap_err().to_string();
        let command = error.split('`').nth(1).unwrap();
        assert!(std::process::Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
        check_old_default("ODDISH_FOLDER", &old, &new).unwrap();
        crate::own_folder::check(&new).unwrap();
        assert!(new.join("tasks").is_dir());
    }
}

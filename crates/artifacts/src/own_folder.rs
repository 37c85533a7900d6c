//! Folders of this machine that only this process's user may change.
//!
//! What lies in them is trusted: secrets, archives that were checked, configurations of trials. A folder that belongs to somebody else, or that
//! others may write to, could be exchanged under a running program.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Everything for its owner, and for others a way through to what they know the name of.
const PASSABLE: u32 = 0o711;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a folder with this bit, such as `/tmp`, only its owner may rename or remove an entry.
const STICKY: u32 = 0o1000;

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It, or one on the way to it, belongs to somebody else.
    #[error(
        "the folder {} is not used, since {} belongs to the user with the number {owner}, who could exchange what is in it: name a folder that \
         belongs to the user with the number {user}, or give it to that one with chown",
        folder.display(), at.display()
    )]
    OfAnother {
        /// The folder that was to be used.
        folder: PathBuf,
        /// That folder, or the one on the way to it.
        at: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who runs this process.
        user: u32,
    },
    /// Others may write to it, or to one on the way to it.
    #[error(
        "the folder {} is not used, since others may write to {}, and could exchange what is in it: take that from them with \
         `chmod go-w {}`, or name another folder",
        folder.display(), at.display(), at.display()
    )]
    OthersWrite {
        /// The folder that was to be used.
        folder: PathBuf,
        /// That folder, or the one on the way to it.
        at: PathBuf,
    },
    /// It could not be made or looked at.
    #[error("cannot use the folder {}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Makes the folder, for this user alone, where it does not exist, and checks it.
pub fn make(folder: &Path) -> Result<(), FolderError> {
    make_with_mode(folder, 0o700)
}

/// [`make`], where other accounts have to get through to a folder of their own below.
pub fn make_passable(folder: &Path) -> Result<(), FolderError> {
    make_with_mode(folder, PASSABLE)?;
    let failed = |source| FolderError::Io { folder: folder.to_path_buf(), source };
    let mode = fs::metadata(folder).map_err(failed)?.permissions().mode();
    if mode & PASSABLE == PASSABLE {
        return Ok(());
    }
    fs::set_permissions(folder, Permissions::from_mode(mode | PASSABLE)).map_err(failed)
}

fn make_with_mode(folder: &Path, mode: u32) -> Result<(), FolderError> {
    let failed = |source| FolderError::Io { folder: folder.to_path_buf(), source };
    DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(failed)?;
    check(folder)
}

/// Checks a folder that exists: it belongs to this user, who alone may write to it, and nobody else may exchange it or a folder on the way to it.
pub fn check(folder: &Path) -> Result<(), FolderError> {
    check_for(folder, geteuid().as_raw())
}

fn check_for(folder: &Path, user: u32) -> Result<(), FolderError> {
    let failed = |source| FolderError::Io { folder: folder.to_path_buf(), source };
    let given = std::path::absolute(folder).map_err(failed)?;
    let real = folder.canonicalize().map_err(failed)?;
    let other =
        |at: &Path, owner| FolderError::OfAnother { folder: folder.to_path_buf(), at: at.to_path_buf(), owner, user };
    let written = |at: &Path| FolderError::OthersWrite { folder: folder.to_path_buf(), at: at.to_path_buf() };
    let found = fs::metadata(&real).map_err(failed)?;
    if found.uid() != user {
        return Err(other(&real, found.uid()));
    }
    if found.mode() & (GROUP_WRITES | OTHERS_WRITE) != 0 {
        return Err(written(&real));
    }
    // The way as it was given may lead over links, whose own places count too.
    for above in real.ancestors().skip(1).chain(given.ancestors().skip(1)) {
        let found = fs::metadata(above).map_err(failed)?;
        if found.uid() != user && found.uid() != 0 {
            return Err(other(above, found.uid()));
        }
        if others_exchange(&found) {
            return Err(written(above));
        }
    }
    Ok(())
}

/// Whether others may rename what lies in this folder. A group that bears its owner's number is that user's own, as many systems make one for
/// each user; root's group may do as much as root.
fn others_exchange(found: &Metadata) -> bool {
    let mode = found.mode();
    let group = mode & GROUP_WRITES != 0 && found.gid() != 0 && found.gid() != found.uid();
    mode & STICKY == 0 && (group || mode & OTHERS_WRITE != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(folder: &Path, mode: u32) {
        fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_folder_is_its_users_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        make(&folder).unwrap();
        for made in [&folder, &place.path().join("a")] {
            assert_eq!(fs::metadata(made).unwrap().mode() & 0o777, 0o700);
        }
        make(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        make(&folder).unwrap();
        for bits in [0o770, 0o777, 0o1777, 0o702] {
            mode(&folder, bits);
            let error = make(&folder).unwrap_err();
            assert!(matches!(error, FolderError::OthersWrite { .. }), "{bits:o}: {error}");
            assert!(error.to_string().contains(&format!("chmod go-w {}", folder.display())), "{error}");
        }
        mode(&folder, 0o755);
        make(&folder).unwrap();
    }

    #[test]
    fn a_folder_on_the_way_that_others_may_write_to_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let way = place.path().join("way");
        make(&way.join("folder")).unwrap();
        mode(&way, 0o777);
        let error = make(&way.join("folder")).unwrap_err();
        assert!(matches!(&error, FolderError::OthersWrite { at, .. } if *at == way), "{error}");
        let link = place.path().join("link");
        symlink(way.join("folder"), &link).unwrap();
        assert!(matches!(make(&link), Err(FolderError::OthersWrite { .. })), "also where a link leads there");
        mode(&way, 0o1777);
        make(&way.join("folder")).unwrap();
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let owner = geteuid().as_raw();
        let error = check_for(folder.path(), owner + 1).unwrap_err();
        assert!(matches!(error, FolderError::OfAnother { owner: found, .. } if found == owner), "{error}");
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(make(file.path()), Err(FolderError::Io { .. })));
    }
}

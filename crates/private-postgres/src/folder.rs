use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::account::Account;

/// The first file that we create in a folder, and so the sign that it is ours.
const LOCK: &str = "lock";

/// What lies where in a private server's folder.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Creates the folder if it is missing, gives it to the server's account and keeps others out.
    pub(crate) fn create(path: &Path, account: &Account) -> Result<Self, Error> {
        // Those above it may be passed through, since the server's account has to get here; the mode of this one is set below.
        DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(Error::file("create the folder", path))?;
        let path = path.canonicalize().map_err(Error::file("find", path))?;
        // The owner and the mode of somebody's folder must not change because its name was given by mistake.
        let mut entries = std::fs::read_dir(&path).map_err(Error::file("list", &path))?;
        if entries.next().is_some() && !path.join(LOCK).exists() {
            return Err(Error::Occupied(path));
        }
        let found = std::fs::metadata(&path).map_err(Error::file("look at", &path))?;
        if !account.is_ours(found.uid()) || found.mode() & 0o022 != 0 {
            return Err(Error::OfOthers(path));
        }
        account.own(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o700))
            .map_err(Error::file("change the mode of", &path))?;
        account.reaches(&path)?;
        Ok(Self(path))
    }

    /// The folder as it is.
    pub(crate) fn existing(path: &Path) -> Self {
        Self(path.canonicalize().unwrap_or_else(|_| path.to_path_buf()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Postgres's own files.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Postgres's files while they are being made: a crash in the middle must not leave a half-made `data`.
    pub(crate) fn unfinished_data(&self) -> PathBuf {
        self.0.join("data.unfinished")
    }

    /// What the server prints.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.0.join("password")
    }

    pub(crate) fn password(&self) -> Result<String, Error> {
        let file = self.password_file();
        std::fs::read_to_string(&file).map_err(Error::file("read", file))
    }

    /// Draws a password and keeps it where only the server's account reads it.
    pub(crate) fn write_password(&self, account: &Account) -> Result<(), Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        let password = format!("{:032x}", u128::from_ne_bytes(bytes));
        let file = self.password_file();
        let written = File::options().write(true).create(true).truncate(true).mode(0o600).open(&file);
        let written = written.and_then(|mut file| io::Write::write_all(&mut file, password.as_bytes()));
        written.map_err(Error::file("write", &file))?;
        account.own(&file)
    }

    /// The port that the server had last: it keeps it, so that a URL stays good.
    pub(crate) fn last_port(&self) -> Option<u16> {
        std::fs::read_to_string(self.0.join("port")).ok()?.trim().parse().ok()
    }

    pub(crate) fn write_port(&self, port: u16) -> Result<(), Error> {
        let file = self.0.join("port");
        std::fs::write(&file, port.to_string()).map_err(Error::file("write", file))
    }

    /// Waits until no other process starts or stops this server. Held until dropped.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        let path = self.0.join(LOCK);
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(Error::file("create", &path))?;
        file.lock().map_err(Error::file("lock", &path))?;
        Ok(file)
    }
}

//! Opening and writing files of this machine on behalf of any store.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use tempfile::NamedTempFile;

/// Opens a regular file; anything else, links too, is `InvalidInput`. Does not wait for a writer when it is a pipe.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file (links are not followed)");
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(not_a_file()),
        Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => Err(not_a_file()),
        Err(error) => Err(error),
    }
}

/// A new file in the folder of `path`, from where it can be renamed to it.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder)
}

/// Writes `content` beside `path` and renames it.
pub(crate) fn write_whole(content: &mut File, path: &Path) -> io::Result<()> {
    let mut file = beside(path)?;
    io::copy(content, &mut file)?;
    file.flush()?;
    file.persist(path)?;
    Ok(())
}

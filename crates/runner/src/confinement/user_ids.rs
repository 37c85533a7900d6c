//! A user id for each Harbor that runs, where Harbor is confined by one: two trials at once are two users, and neither can reach the
//! files or the processes of the other.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Ids that no distribution gives to users or services of its own.
const USER_IDS: Range<u32> = 60_600..61_100;

/// A user id that no other runner of the same jobs folder uses as long as this lives.
#[derive(Debug)]
pub struct UserId {
    id: u32,
    _lock: File,
}

impl UserId {
    /// Takes the first that is free.
    pub fn take(jobs_dir: &Path) -> io::Result<Self> {
        let locks = jobs_dir.join(".users");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&locks)?;
        for id in USER_IDS {
            let lock = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(locks.join(id.to_string()))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { id, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, "all user ids for Harbor are in use"))
    }

    /// The number.
    pub const fn id(&self) -> u32 {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_are_two_users_and_one_that_ended_is_free_again() {
        let jobs = tempfile::tempdir().unwrap();
        let one = UserId::take(jobs.path()).unwrap();
        let other = UserId::take(jobs.path()).unwrap();
        assert_eq!((one.id(), other.id()), (60_600, 60_601));
        drop(one);
        assert_eq!(UserId::take(jobs.path()).unwrap().id(), 60_600);
    }
}

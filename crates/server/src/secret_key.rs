//! The deployment's secret on one machine: the configured one, else one that is made once and kept in a file. The database knows which one it
//! is used with.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use oddish_db::{Db, secret_fingerprint};
use oddish_domain::sealing::{SECRET_KEY, SecretKey};
use sysinfo::System;
use time::OffsetDateTime;

/// The file in `ODDISH_HOME` that keeps it, readable by its owner only.
const FILE: &str = "secret-key";

/// A secret, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) secret: SecretKey,
    /// For people: the variable or the file, and the machine.
    pub(crate) source: String,
}

impl Located {
    fn new(secret: SecretKey, place: &str) -> Self {
        let host = System::host_name().unwrap_or_else(|_| "an unnamed machine".to_owned());
        Self { secret, source: format!("{place} on {host}") }
    }
}

/// Fails if the database is used with another secret than this one; the first server has its own put on record.
pub(crate) async fn agree(db: &Db, place: &str, located: Option<&Located>) -> anyhow::Result<()> {
    let Some(Located { secret, source }) = located else { return Ok(()) };
    let fingerprint = secret.fingerprint();
    let known = secret_fingerprint::agree(db, &fingerprint, source, OffsetDateTime::now_utc()).await?;
    if known.fingerprint != fingerprint {
        bail!(
            "the database at {place} is used with another secret than this one: this one is from {source}, that one was first used on {} and is \
             from {}. Give this server that one, with which agents' variables in the database are sealed. To replace it on purpose, stop all \
             servers and workers and run `oddish-server secret replace` where this one is",
            known.set_at.date(),
            known.source
        );
    }
    Ok(())
}

/// The configured secret, else that of the file in `home`, which is made where there is none. None where it can't be made: the
/// server can do without.
pub(crate) fn locate(configured: Option<&SecretKey>, home: &Path) -> anyhow::Result<Option<Located>> {
    if let Some(configured) = configured {
        return Ok(Some(Located::new(configured.clone(), SECRET_KEY.name())));
    }
    let file = home.join(FILE);
    if let Some(kept) = read(&file)? {
        return Ok(Some(kept));
    }
    match create(home, &file) {
        Ok(()) => {}
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            tracing::warn!(
                file = %file.display(),
                %error,
                "no secret can be kept, so agents get no environment variables, and upload URLs end with this process: set \
                 {SECRET_KEY}, or ODDISH_HOME to a folder that can be written to"
            );
            return Ok(None);
        }
    }
    read(&file)
}

fn read(file: &Path) -> anyhow::Result<Option<Located>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot read {}, which keeps the server's secret", file.display()));
        }
    };
    // A new one in its place would make everything unreadable that the old one sealed.
    let secret = SecretKey::parse(&text).with_context(|| {
        format!(
            "the secret in {} is damaged: put the old one back, or remove the file to give up what it sealed",
            file.display()
        )
    })?;
    let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(file = %file.display(), "others may read the server's secret: chmod 600 the file");
    }
    Ok(Some(Located::new(secret, &file.display().to_string())))
}

/// Makes the file at once and whole, so that two processes that start together take the same secret.
fn create(home: &Path, file: &Path) -> io::Result<()> {
    std::fs::create_dir_all(home)?;
    let mut made = tempfile::NamedTempFile::new_in(home)?;
    writeln!(made, "{}", SecretKey::generate().expose())?;
    made.as_file().sync_all()?;
    made.persist_noclobber(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(home: &Path) -> String {
        locate(None, home).unwrap().unwrap().secret.expose().to_owned()
    }

    #[test]
    fn a_secret_lasts_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("not/there/yet");
        let first = located(&home);
        assert_eq!(located(&home), first);
        assert_eq!(std::fs::metadata(home.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), 1);
        assert_ne!(located(folder.path()), first);
    }

    #[test]
    fn processes_that_start_together_take_the_same() {
        let home = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(8);
        let taken: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
            let locate = || {
                start.wait();
                located(home.path())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(locate)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(taken.len(), 1);
    }

    #[test]
    fn the_configured_one_goes_first() {
        let home = tempfile::tempdir().unwrap();
        let configured = SecretKey::generate();
        let located = locate(Some(&configured), home.path()).unwrap().unwrap();
        assert_eq!(located.secret.expose(), configured.expose());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_one_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(FILE), "half").unwrap();
        let error = format!("{:#}", locate(None, home.path()).unwrap_err());
        assert!(error.contains("is damaged") && !error.contains("half"), "{error}");
        assert_eq!(std::fs::read_to_string(home.path().join(FILE)).unwrap(), "half");
    }

    #[test]
    fn a_home_that_cannot_be_written_to_is_no_reason_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("file");
        std::fs::write(&home, "").unwrap();
        assert!(locate(None, &home).unwrap().is_none());
    }
}

//! The folders of this machine that the server and its runners use, checked before anything is put there.

use std::path::Path;

use anyhow::Context as _;
use oddish_artifacts::home;
use oddish_artifacts::own_folder::{self, FolderError};
use oddish_runner::settings::JOBS_DIR;

use crate::settings::ServerSettings;

/// Where running trials had their files in earlier versions when nothing was set.
const OLD_JOBS_DIR: &str = "/tmp/harbor-jobs";

/// Makes the home folder where it does not exist. One that others may write to is refused: who can exchange it has the server's secret and
/// the database. Not being able to make it is no fault yet: perhaps nothing is to be put there.
pub(crate) fn check_home(folder: &Path) -> anyhow::Result<()> {
    // As root, Postgres runs under an account of its own and must get to its folder.
    let made =
        if nix::unistd::geteuid().is_root() { own_folder::make_passable(folder) } else { own_folder::make(folder) };
    match made {
        Ok(()) => Ok(()),
        Err(error @ FolderError::Io { .. }) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "there is no home folder");
            Ok(())
        }
        Err(error) => Err(error).context(home::HOME.name()),
    }
}

/// Makes the folder of running trials, and checks it.
pub(crate) fn check_jobs_dir(settings: &ServerSettings) -> anyhow::Result<()> {
    let folder = &settings.runner.jobs_dir;
    if !settings.names_jobs_dir {
        home::check_old_default(JOBS_DIR.name(), Path::new(OLD_JOBS_DIR), folder)?;
    }
    own_folder::make_passable(folder).context(JOBS_DIR.name())
}

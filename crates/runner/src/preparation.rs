//! Putting in place what a trial needs: room on the disk, the task's folder, Harbor's configuration.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use oddish_artifacts::archive::{ArchiveError, UnpackLimits, unpack};
use oddish_artifacts::hash::{HashError, sha256_file};
use oddish_artifacts::{Key, SharedStore, StoreError};
use oddish_db::attempts::{Assignment, Outcome};

use crate::attempt::Scratch;
use crate::confinement::home::hand_over;
use crate::driver_environment::driver_environment;
use crate::harbor_config::{COMPOSE_OVERLAY, UnreadableSettings, harbor_settings, trial_config};
use crate::harbor_result::failed;
use crate::host_access::{self, Asked, HostAccessError};
use crate::secrets::{AttemptSecrets, SecretsError};
use crate::settings::RunnerSettings;
use crate::task_folder::{self, TaskFolderError};

/// Why a trial could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PreparationError {
    /// Too little room.
    #[error(
        "{} has {:.1} GB free and a trial needs {:.1}: free some, or choose another folder with ODDISH_HARBOR_JOBS_DIR \
         or another bound with ODDISH_MIN_FREE_GB",
        folder.display(), gb(*free), gb(*needed)
    )]
    InsufficientDiskSpace {
        /// The folder for running trials.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        needed: u64,
    },
    /// The stored archive is not the one that was registered.
    #[error("the task's archive `{key}` has changed since it was uploaded; upload the task again")]
    ArchiveChanged {
        /// Its key.
        key: String,
    },
    /// The archive can't be fetched.
    #[error("cannot fetch the task's archive")]
    Fetch(#[from] StoreError),
    /// The archive can't be read.
    #[error("cannot check the task's archive")]
    Hash(#[from] HashError),
    /// The archive can't be unpacked.
    #[error("cannot unpack the task's archive")]
    Unpack(#[from] ArchiveError),
    /// The task's folder can't be changed as the settings ask.
    #[error(transparent)]
    Task(#[from] TaskFolderError),
    /// The trial's settings can't be read.
    #[error(transparent)]
    Settings(#[from] UnreadableSettings),
    /// The agent's environment variables can't be had.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The trial asks for access to this machine, or nobody can tell.
    #[error(transparent)]
    HostAccess(#[from] HostAccessError),
    /// A file or folder can't be made.
    #[error("cannot use `{}`", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn gb(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

impl PreparationError {
    /// The outcome to record, where another attempt would end in the same way; none where it might not.
    pub(crate) fn as_outcome(&self) -> Option<Outcome> {
        let error_type = match self {
            Self::InsufficientDiskSpace { .. } => "InsufficientDiskSpace",
            Self::ArchiveChanged { .. } => "TaskArchiveChanged",
            Self::Fetch(StoreError::NotFound { .. } | StoreError::InvalidKey(_)) => "TaskArchiveMissing",
            Self::Unpack(ArchiveError::Io { .. })
            | Self::Task(TaskFolderError::Io { .. })
            | Self::Fetch(_)
            | Self::Hash(_)
            | Self::HostAccess(HostAccessError::Docker(_))
            | Self::Disk { .. } => return None,
            Self::Unpack(_) => "TaskArchiveInvalid",
            Self::Task(_) => "TaskInvalid",
            Self::Settings(_) => "SettingsUnreadable",
            Self::Secrets(_) => "AgentEnvUnreadable",
            Self::HostAccess(HostAccessError::Compose { .. }) => "ComposeFileInvalid",
            Self::HostAccess(_) => "HostAccessRefused",
        };
        Some(failed(error_type, &with_causes(self)))
    }
}

/// An error's text with those of its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Prepares the attempt's scratch folder, leaves Harbor's configuration in it, and tells what is secret. `variables` are
/// the runner's own.
pub(crate) async fn prepare(
    assignment: &Assignment,
    settings: &RunnerSettings,
    store: &SharedStore,
    scratch: &Scratch,
    variables: &[(OsString, OsString)],
) -> Result<AttemptSecrets, PreparationError> {
    check_free_space(&settings.jobs_dir, settings.min_free_bytes)?;
    for folder in [scratch.root(), &scratch.trials()] {
        disk(folder, tokio::fs::create_dir_all(folder).await)?;
    }
    let harbor = harbor_settings(assignment)?;
    let secrets = AttemptSecrets::open(assignment, &harbor, variables, &settings.pass_env)?;
    let (task, paths) = fetch_task(assignment, store, scratch).await?;
    if let Some(image) = &harbor.docker_image {
        task_folder::set_docker_image(&task, image)?;
    }
    let timeout_sec = task_folder::default_agent_timeout_sec(&task, &paths, settings.default_agent_timeout_sec);
    if !settings.allow_host_access {
        let (agent_env, trial_name) = (&secrets.agent_env, scratch.trial_name());
        let asked = Asked { assignment, settings: &harbor, agent_env, task: &task, paths: &paths, trial_name };
        // What Harbor's process gets too: a variable may say what is mounted.
        let environment = driver_environment(variables.iter().cloned(), &settings.pass_env);
        host_access::check(asked, &environment).await?;
    }
    let config = trial_config(assignment, &harbor, &secrets.agent_env, timeout_sec, scratch);
    write(&scratch.compose_overlay(), COMPOSE_OVERLAY)?;
    write(&scratch.trial_config(), &config.to_string())?;
    disk(scratch.root(), hand_over_to_owner(scratch.root()))?;
    Ok(secrets)
}

/// The folder belongs to Harbor's user; so must its content.
fn hand_over_to_owner(folder: &Path) -> io::Result<()> {
    let owner = std::fs::metadata(folder)?.uid();
    if owner == nix::unistd::geteuid().as_raw() { Ok(()) } else { hand_over(folder, owner) }
}

fn check_free_space(folder: &Path, needed: u64) -> Result<(), PreparationError> {
    let space = disk(folder, nix::sys::statvfs::statvfs(folder).map_err(io::Error::from))?;
    let free = space.blocks_available().saturating_mul(space.fragment_size());
    if free < needed {
        return Err(PreparationError::InsufficientDiskSpace { folder: folder.to_path_buf(), free, needed });
    }
    Ok(())
}

/// The task's folder, and the paths of the files in it.
async fn fetch_task(
    assignment: &Assignment,
    store: &SharedStore,
    scratch: &Scratch,
) -> Result<(PathBuf, Vec<String>), PreparationError> {
    let key = Key::parse(assignment.archive_key.as_str()).map_err(StoreError::from)?;
    let archive = scratch.archive();
    store.get_to_file(&key, &archive).await?;
    if sha256_file(&archive).await? != assignment.archive_sha256 {
        return Err(PreparationError::ArchiveChanged { key: assignment.archive_key.clone() });
    }
    let task = scratch.task(&assignment.task_name);
    let reader = disk(&archive, tokio::fs::File::open(&archive).await)?;
    let unpacked = unpack(reader, &task, &UnpackLimits::default()).await?;
    Ok((task, unpacked.paths))
}

/// Writes a small file that no other user can read: the configuration holds the agent's variables in clear.
fn write(path: &Path, text: &str) -> Result<(), PreparationError> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    disk(path, file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes())))
}

fn disk<T>(path: &Path, result: io::Result<T>) -> Result<T, PreparationError> {
    result.map_err(|source| PreparationError::Disk { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_its_sizes() {
        let error = check_free_space(Path::new("/"), u64::MAX).unwrap_err();
        let outcome = error.as_outcome().unwrap();
        assert_eq!(outcome.error_type.as_deref(), Some("InsufficientDiskSpace"));
        let message = outcome.error_message.unwrap();
        assert!(
            message.starts_with("/ has ") && message.contains(" GB free and a trial needs 18446744073.7"),
            "{message}"
        );
        check_free_space(Path::new("/"), 0).unwrap();
    }
}

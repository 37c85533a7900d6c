//! Checking an uploaded archive before it becomes a version.

use std::path::Path;

use oddish_artifacts::archive::{self, ArchiveError, TaskFolder, UnpackLimits};
use oddish_artifacts::file_pack::{self, FilePack};
use oddish_artifacts::hash;
use oddish_db::task_files::IndexedFile;
use oddish_domain::{host_access, task_toml};

use crate::Error;
use crate::capabilities::UploadRules;

/// What is known of an archive that can be stored.
pub(super) struct Checked {
    /// SHA-256 of the archive itself.
    pub(super) sha256: String,
    /// SHA-256 over the files in it (docs/compatibility.md, 2.4).
    pub(super) content_hash: String,
    /// Size of the archive.
    pub(super) bytes: i64,
    /// What the task's author should know.
    pub(super) warnings: Vec<String>,
    /// The files in it, one after the other.
    pub(super) pack: FilePack,
}

impl Checked {
    /// Where the files lie in the pack, as the database keeps it.
    pub(super) fn index(&self) -> Vec<IndexedFile> {
        let place = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let files = self.pack.files.iter();
        files
            .map(|file| IndexedFile { path: file.path.clone(), start: place(file.start), size: place(file.size) })
            .collect()
    }
}

/// Unpacks the archive into a temporary folder, with bounds on everything, and checks that Harbor can run what is in it, and that it asks
/// for nothing that it may not have.
pub(super) async fn check(archive: &Path, rules: &UploadRules) -> Result<Checked, Error> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let task = folder.path().join("task");
    let reader = tokio::fs::File::open(archive).await.map_err(Error::internal)?;
    let unpacked = archive::unpack(reader, &task, &UnpackLimits::default()).await.map_err(refused)?;
    let files = TaskFolder::of_files(&task, &unpacked.paths);
    let UploadRules { default_agent_timeout_sec, allow_host_access, .. } = *rules;
    let checked = tokio::task::spawn_blocking(move || {
        let host_access = if allow_host_access { Ok(()) } else { host_access::check_task(&files) };
        (task_toml::check_task(&files, default_agent_timeout_sec), host_access)
    });
    let (checked, host_access) = checked.await.map_err(Error::internal)?;
    let checked = checked.map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Error::refused(format!("This is not a task that Harbor can run: {}", faults.join("; ")))
    })?;
    host_access.map_err(|refused| Error::NotAllowed(refused.to_string()))?;
    let size = tokio::fs::metadata(archive).await.map_err(Error::internal)?.len();
    Ok(Checked {
        sha256: hash::sha256_file(archive).await.map_err(Error::internal)?,
        content_hash: hash::content_hash(&task).await.map_err(Error::internal)?,
        // Comes after the hash: it moves the files.
        pack: file_pack::pack_files(&task, unpacked.paths).await?,
        bytes: i64::try_from(size).unwrap_or(i64::MAX),
        warnings: checked.warnings.iter().map(ToString::to_string).collect(),
    })
}

/// The error for an archive that cannot be unpacked.
pub(crate) fn refused(error: ArchiveError) -> Error {
    match error {
        ArchiveError::Io { .. } => Error::internal(error),
        _ => Error::refused(format!("Invalid tarball: {error}")),
    }
}

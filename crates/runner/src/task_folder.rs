//! A trial's own copy of its task: what it says, and what is changed in it for settings that Harbor's trial configuration
//! has no place for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use oddish_artifacts::archive::TaskFolder;
use oddish_domain::task_toml::check_task;
use toml::{Table, Value};

/// The task's `task.toml` could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum TaskFolderError {
    /// It could not be read or written.
    #[error("cannot read or write `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("the task's task.toml is not valid TOML; correct it and upload the task again")]
    Invalid {
        /// What is wrong with it.
        source: toml::de::Error,
    },
    /// It can't be written as TOML again.
    #[error("the task's task.toml cannot be written again")]
    Unwritable {
        /// What is wrong.
        source: toml::ser::Error,
    },
}

/// Seconds to override the agent's time-out with, where the submission doesn't say: `default`, or none if the task sets a time-out or has
/// steps, which may set theirs. `paths` are the task's files.
pub fn default_agent_timeout_sec(folder: &Path, paths: &[String], default: f64) -> Option<f64> {
    let files = TaskFolder::of_files(folder, paths);
    // A task that is not in order was not accepted in the first place; if it is here all the same, it can't run forever.
    check_task(&files, default)
        .map_or(Some(default), |task| task.default_agent_timeout_sec.filter(|_| task.steps.is_empty()))
}

/// Makes the task use a ready image.
pub fn set_docker_image(folder: &Path, image: &str) -> Result<(), TaskFolderError> {
    let mut task: Table = read_text(folder)?.parse().map_err(|source| TaskFolderError::Invalid { source })?;
    // A section that is no table is a fault that Harbor reports better than we could.
    if let Value::Table(environment) = task.entry("environment").or_insert_with(|| Value::Table(Table::new())) {
        environment.insert("docker_image".to_owned(), Value::String(image.to_owned()));
    }
    let path = folder.join("task.toml");
    let text = toml::to_string(&task).map_err(|source| TaskFolderError::Unwritable { source })?;
    replace(&path, &text).map_err(|source| TaskFolderError::Io { path, source })
}

/// Writes a file again that may be there to be read only, and leaves its permissions.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let permissions = fs::metadata(path)?.permissions();
    fs::remove_file(path)?;
    fs::write(path, text)?;
    fs::set_permissions(path, permissions)
}

fn read_text(folder: &Path) -> Result<String, TaskFolderError> {
    let path = folder.join("task.toml");
    fs::read_to_string(&path).map_err(|source| TaskFolderError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(task_toml: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("task.toml"), task_toml).unwrap();
        folder
    }

    #[test]
    fn only_the_image_changes() {
        let folder = folder("version = \"1.0\"\n[environment]\ncpus = 2\ndocker_image = \"old\"\n");
        set_docker_image(folder.path(), "debian:12").unwrap();
        let expected: Table =
            "version = \"1.0\"\nenvironment = {cpus = 2, docker_image = \"debian:12\"}".parse().unwrap();
        assert_eq!(read_text(folder.path()).unwrap().parse::<Table>().unwrap(), expected);
    }

    #[test]
    fn a_file_that_may_only_be_read_is_changed_and_stays_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder("");
        let path = folder.path().join("task.toml");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        set_docker_image(folder.path(), "debian:12").unwrap();
        assert!(read_text(folder.path()).unwrap().contains("debian:12"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o440);
    }

    #[test]
    fn a_task_without_a_timeout_gets_the_default() {
        let files = ["task.toml", "instruction.md", "environment/Dockerfile", "tests/test.sh"].map(String::from);
        let timeout = |task_toml: &str| {
            let folder = folder(task_toml);
            fs::write(folder.path().join("instruction.md"), "").unwrap();
            default_agent_timeout_sec(folder.path(), &files, 90.0)
        };
        assert_eq!(timeout(""), Some(90.0));
        assert_eq!(timeout("[agent]\ntimeout_sec = 5.0\n"), None);
        assert_eq!(timeout("no toml"), Some(90.0));
    }
}

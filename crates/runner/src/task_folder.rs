//! Changes to a trial's own copy of its task, for settings that Harbor's trial configuration has no place for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

/// Whether the task in `folder` is made of steps.
pub fn has_steps(folder: &Path) -> Result<bool, TaskFolderError> {
    Ok(read(folder)?.get("steps").and_then(Value::as_array).is_some_and(|steps| !steps.is_empty()))
}

/// Makes the task use a ready image.
pub fn set_docker_image(folder: &Path, image: &str) -> Result<(), TaskFolderError> {
    set(folder, "environment", "docker_image", Value::String(image.to_owned()))
}

/// Sets the time-out in seconds of those steps that have none of their own.
pub fn set_agent_timeout(folder: &Path, seconds: f64) -> Result<(), TaskFolderError> {
    set(folder, "agent", "timeout_sec", Value::Float(seconds))
}

fn set(folder: &Path, section: &str, key: &str, value: Value) -> Result<(), TaskFolderError> {
    let mut task = read(folder)?;
    // A section that is no table is a fault that Harbor reports better than we could.
    if let Value::Table(table) = task.entry(section).or_insert_with(|| Value::Table(Table::new())) {
        table.insert(key.to_owned(), value);
    }
    let path = folder.join("task.toml");
    let text = toml::to_string(&task).map_err(|source| TaskFolderError::Unwritable { source })?;
    fs::write(&path, text).map_err(|source| TaskFolderError::Io { path, source })
}

fn read(folder: &Path) -> Result<Table, TaskFolderError> {
    let path = folder.join("task.toml");
    let text = fs::read_to_string(&path).map_err(|source| TaskFolderError::Io { path, source })?;
    text.parse().map_err(|source| TaskFolderError::Invalid { source })
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
    fn only_what_is_set_changes() {
        let folder = folder("version = \"1.0\"\n[environment]\ncpus = 2\ndocker_image = \"old\"\n");
        set_docker_image(folder.path(), "debian:12").unwrap();
        set_agent_timeout(folder.path(), 90.0).unwrap();
        let expected: Table = "version = \"1.0\"\nagent = {timeout_sec = 90.0}\n\
                               environment = {cpus = 2, docker_image = \"debian:12\"}"
            .parse()
            .unwrap();
        assert_eq!(read(folder.path()).unwrap(), expected);
    }

    #[test]
    fn steps_are_seen() {
        assert!(has_steps(folder("[[steps]]\nname = \"one\"\n").path()).unwrap());
        assert!(!has_steps(folder("steps = []\n").path()).unwrap());
        assert!(!has_steps(folder("").path()).unwrap());
        assert!(matches!(has_steps(folder("not toml").path()), Err(TaskFolderError::Invalid { .. })));
    }
}

//! What an attempt is called, and where it keeps its files while it runs.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Longest name of a Harbor trial. Harbor cuts the name of a separate verifier's sandbox to 63 characters, and what it
/// keeps must still begin with the whole trial name and `__verifier`, or its containers could not be found again.
const MAX_TRIAL_NAME: usize = 40;

/// The name of an attempt's Harbor trial: unique, since Harbor would mix the files of two trials of one name, and made
/// of `[a-z0-9_-]` only, so that Docker Compose takes it as it is.
///
/// It reads `{trial_id}-a{number}`; an id that is too long or holds other characters is shortened and told apart by
/// eight digits of its hash.
pub fn trial_name(trial_id: &str, number: i32) -> String {
    let safe: String = trial_id
        .to_lowercase()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "-_".contains(character) { character } else { '-' })
        .collect();
    let safe = safe.trim_start_matches(['-', '_']);
    let suffix = format!("-a{number}");
    if safe == trial_id && safe.len() + suffix.len() <= MAX_TRIAL_NAME {
        return format!("{safe}{suffix}");
    }
    let digest = Sha256::digest(trial_id.as_bytes());
    let hash = format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
    let room = MAX_TRIAL_NAME.saturating_sub(suffix.len() + hash.len() + 1);
    let kept: String = safe.chars().take(room).collect();
    format!("{}{hash}{suffix}", if kept.is_empty() { kept } else { format!("{kept}-") })
}

/// The Docker Compose project in which Harbor runs the sandbox of the trial of this name.
pub fn compose_project(trial_name: &str) -> String {
    format!("{trial_name}__env")
}

/// The folder of one attempt below the jobs folder: `{trial_id}.{number}`. It goes when the attempt ends.
#[derive(Clone, Debug)]
pub struct Scratch {
    root: PathBuf,
    trial_name: String,
}

impl Scratch {
    /// The scratch folder of an attempt. `jobs_dir` must be absolute, since Harbor runs in another folder.
    pub fn new(jobs_dir: &Path, trial_id: &str, number: i32) -> Self {
        // An id is one part of a path; whatever else it might be stays within the jobs folder.
        let folder = format!("{}.{number}", trial_id.replace('/', "-"));
        Self { root: jobs_dir.join(folder), trial_name: trial_name(trial_id, number) }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Name of the Harbor trial.
    pub fn trial_name(&self) -> &str {
        &self.trial_name
    }

    /// The task's archive as it was fetched.
    pub fn archive(&self) -> PathBuf {
        self.root.join("task.tar.gz")
    }

    /// The task's folder. Harbor calls a task that has no name of its own by its folder's.
    pub fn task(&self, task_name: &str) -> PathBuf {
        let folder: String = task_name
            .chars()
            .take(64)
            .map(
                |character| {
                    if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '-' }
                },
            )
            .collect();
        let folder = folder.trim_start_matches('.');
        self.root.join("task").join(if folder.is_empty() { "task" } else { folder })
    }

    /// The trial's configuration for Harbor.
    pub fn trial_config(&self) -> PathBuf {
        self.root.join("trial.json")
    }

    /// Our additions to the sandbox's Docker Compose file.
    pub fn compose_overlay(&self) -> PathBuf {
        self.root.join("compose-overlay.yaml")
    }

    /// Where Harbor puts temporary files, so that they go with the rest.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Harbor's folder of trials.
    pub fn trials(&self) -> PathBuf {
        self.root.join("trials")
    }

    /// Harbor's folder of this trial.
    pub fn trial(&self) -> PathBuf {
        self.trials().join(&self.trial_name)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("hello-1a2b3c4d-0", 1, "hello-1a2b3c4d-0-a1")]
    #[case("Hello-1a2b3c4d-0", 2, "hello-1a2b3c4d-0-dfa6630f-a2")]
    #[case("swe.1.0-1a2b3c4d-12", 1, "swe-1-0-1a2b3c4d-12-b63d6fa4-a1")]
    #[case("-x", 1, "x-a4209624-a1")]
    #[case("äö", 1, "6641ae9e-a1")]
    fn names_are_compose_projects(#[case] trial_id: &str, #[case] number: i32, #[case] expected: &str) {
        assert_eq!(trial_name(trial_id, number), expected);
    }

    #[test]
    fn long_names_are_bounded_and_stay_apart() {
        let id = |last: &str| format!("{}-1a2b3c4d-{last}", "long".repeat(20));
        let (one, other) = (trial_name(&id("0"), 123), trial_name(&id("1"), 123));
        assert_ne!(one, other);
        assert_eq!(one.len(), MAX_TRIAL_NAME);
        assert!(one.ends_with("-a123"), "{one}");
        assert_ne!(trial_name("A-1", 1), trial_name("a-1", 1));
    }

    #[test]
    fn paths_stay_within_the_scratch_folder() {
        let scratch = Scratch::new(Path::new("/jobs"), "../../etc", 1);
        assert_eq!(scratch.root(), Path::new("/jobs/..-..-etc.1"));
        assert_eq!(scratch.task("../x"), Path::new("/jobs/..-..-etc.1/task/-x"));
        assert_eq!(scratch.task(".."), Path::new("/jobs/..-..-etc.1/task/task"));
        assert_eq!(scratch.task("swe-1.0"), Path::new("/jobs/..-..-etc.1/task/swe-1.0"));
    }
}

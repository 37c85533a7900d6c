//! What an attempt is called, and where it keeps its files while it runs.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Longest name of a Harbor trial. Harbor cuts the name of a separate verifier's sandbox to 63 characters, and what it
/// keeps must still begin with the whole trial name and `__verifier`, or its containers could not be found again.
const MAX_TRIAL_NAME: usize = 40;

/// Digits of an id's hash in a name.
const HASH_DIGITS: usize = 8;

/// The name of an attempt's Harbor trial: unique, since Harbor would mix the files of two trials of one name, and such that
/// Docker takes it, and what Harbor and Compose append to it, as names of a project, an image and a container.
///
/// It reads `{trial_id}-a{number}`. An id that is too long, or that Docker would refuse as a name, is made one and told apart by
/// eight digits of its hash.
pub fn trial_name(trial_id: &str, number: i32) -> String {
    let name = image_name_part(trial_id);
    let suffix = format!("-a{number}");
    if !name.is_empty() && name == trial_id && name.len() + suffix.len() <= MAX_TRIAL_NAME {
        return format!("{name}{suffix}");
    }
    let digest = Sha256::digest(trial_id.as_bytes());
    let hash = format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
    let room = MAX_TRIAL_NAME.saturating_sub(suffix.len() + hash.len() + 1);
    let kept: String = name.chars().take(room).collect();
    let kept = kept.trim_end_matches(is_separator);
    if kept.is_empty() { format!("{hash}{suffix}") } else { format!("{kept}-{hash}{suffix}") }
}

/// The nearest text that can be a part of an image's name, which is the strictest of Docker's names: lower-case letters and
/// digits, and between them one or two underscores or any number of hyphens. Nothing where none is left.
///
/// Dots are allowed there too, but not in the name of a Compose project.
fn image_name_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    let mut separators = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if !character.is_ascii_alphanumeric() {
            separators.push(if is_separator(character) { character } else { '-' });
            continue;
        }
        if !part.is_empty() {
            let is_allowed = matches!(separators.as_str(), "_" | "__") || separators.chars().all(|found| found == '-');
            part.push_str(if is_allowed { &separators } else { "-" });
        }
        separators.clear();
        part.push(character);
    }
    part
}

const fn is_separator(character: char) -> bool {
    matches!(character, '-' | '_')
}

/// The Docker Compose project in which Harbor runs the sandbox of the trial of this name.
pub fn compose_project(trial_name: &str) -> String {
    format!("{trial_name}__env")
}

/// Whether a Compose project is one of the trial of this name: its sandbox, or that of a verifier of its own.
pub fn is_project_of(project: &str, trial_name: &str) -> bool {
    let rest = project.strip_prefix(trial_name);
    rest.is_some_and(|rest| rest == "__env" || rest.starts_with("__verifier"))
}

/// The name of the trial whose Compose project this may be.
pub fn trial_of_project(project: &str) -> Option<&str> {
    let main = project.strip_suffix("__env");
    let of_verifier = || {
        let mut places = project.match_indices("__verifier").map(|(at, _)| &project[..at]);
        places.find(|name| numbered_name(name).is_some())
    };
    main.or_else(of_verifier)
}

/// What [`trial_name`] made a name of, as far as the name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedName<'a> {
    /// The trial's id, unless that could not be a name.
    pub id: &'a str,
    /// Hash of the id, if it could not be.
    pub hash: Option<&'a str>,
    /// The attempt's number.
    pub number: i32,
}

/// Takes a trial's name apart; none where it is none of ours.
pub fn numbered_name(name: &str) -> Option<NumberedName<'_>> {
    let (id, number) = name.rsplit_once("-a")?;
    let number = number.parse().ok().filter(|number| *number > 0 && !id.is_empty())?;
    let hash = id.rsplit('-').next().filter(|part| part.len() == HASH_DIGITS && part.bytes().all(is_hash_digit));
    Some(NumberedName { id, hash, number })
}

const fn is_hash_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
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
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_it_is("hello-1a2b3c4d-0", 1, "hello-1a2b3c4d-0-a1")]
    #[case::separators_inside("a_b__c--d-1a2b3c4d-0", 1, "a_b__c--d-1a2b3c4d-0-a1")]
    #[case::upper_case("Hello-1a2b3c4d-0", 2, "hello-1a2b3c4d-0-dfa6630f-a2")]
    #[case::dots("swe.1.0-1a2b3c4d-12", 1, "swe-1-0-1a2b3c4d-12-b63d6fa4-a1")]
    #[case::at_the_beginning("-x", 1, "x-a4209624-a1")]
    #[case::nothing_left("\u{e4}\u{f6}", 1, "6641ae9e-a1")]
    fn names_are_compose_projects(#[case] trial_id: &str, #[case] number: i32, #[case] expected: &str) {
        assert_eq!(trial_name(trial_id, number), expected);
    }

    #[rstest]
    #[case("hello-1a2b3c4d-0-a1__env", Some("hello-1a2b3c4d-0-a1"))]
    #[case("a__env-1a2b3c4d-0-a12__verifier__trial", Some("a__env-1a2b3c4d-0-a12"))]
    #[case("a__verifier-1a2b3c4d-0-a1__verifier__one__5e884898", Some("a__verifier-1a2b3c4d-0-a1"))]
    #[case("some-project", None)]
    #[case("some__verifier", None)]
    fn a_project_tells_its_trial(#[case] project: &str, #[case] expected: Option<&str>) {
        assert_eq!(trial_of_project(project), expected);
        assert!(expected.is_none_or(|name| is_project_of(project, name)));
    }

    #[rstest]
    #[case("hello-1a2b3c4d-0-a1__env", "hello-1a2b3c4d-0-a1", true)]
    #[case("hello-1a2b3c4d-0-a10__env", "hello-1a2b3c4d-0-a1", false)]
    #[case("hello-1a2b3c4d-0-a1__environment", "hello-1a2b3c4d-0-a1", false)]
    #[case("x-hello-1a2b3c4d-0-a1__env", "hello-1a2b3c4d-0-a1", false)]
    fn a_project_is_of_one_trial(#[case] project: &str, #[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_project_of(project, name), expected);
    }

    #[rstest]
    #[case("hello")]
    #[case("hello-a")]
    #[case("hello-a0")]
    #[case("hello-a-1")]
    #[case("-a1")]
    fn others_names_are_none_of_ours(#[case] name: &str) {
        assert_eq!(numbered_name(name), None);
    }

    /// Whether Docker takes the text as a part of an image's name: the grammar of its reference, without dots.
    fn is_image_name_part(text: &str) -> bool {
        let mut runs = text.split(|character: char| character.is_ascii_digit() || character.is_ascii_lowercase());
        let allowed = |run: &str| matches!(run, "" | "_" | "__") || run.chars().all(|found| found == '-');
        let ends = |end: Option<char>| end.is_some_and(|end| end.is_ascii_alphanumeric());
        ends(text.chars().next()) && ends(text.chars().last()) && runs.all(allowed)
    }

    #[rstest]
    #[case("foo_-1a2b3c4d-0")]
    #[case("foo__-1a2b3c4d-0")]
    #[case("a___b-1a2b3c4d-0")]
    #[case("a-_b-1a2b3c4d-0")]
    #[case("a._b-1a2b3c4d-0")]
    #[case("abcdefghijklmnopqrstuvwxyza_hard-1a2b3c4d-0")]
    #[case("abcdefghijklmnopqrstuvwxy_\u{e4}_hard-1a2b3c4d-0")]
    #[case("_")]
    fn names_that_docker_would_refuse_are_made_ones_that_it_takes(#[case] trial_id: &str) {
        assert!(!is_image_name_part(&format!("{trial_id}-a1")) || trial_id.len() > MAX_TRIAL_NAME, "it shows nothing");
        let name = trial_name(trial_id, 1);
        assert!(is_image_name_part(&name) && name.len() <= MAX_TRIAL_NAME, "{name}");
    }

    proptest! {
        #[test]
        fn a_name_leads_back_to_its_trial(id in "([a-zA-Z0-9._-]|\\PC){1,60}", number in 1..=i32::MAX) {
            let name = trial_name(&id, number);
            let found = numbered_name(&name).unwrap();
            let digest = Sha256::digest(id.as_bytes());
            let hash = hex::encode(&digest[..4]);
            prop_assert_eq!(found.number, number);
            prop_assert!(found.id == id || found.hash == Some(hash.as_str()), "{} {:?}", name, found);
        }

        #[test]
        fn docker_takes_the_name_of_every_trial(
            trial_id in "[a-zA-Z0-9._-]{1,64}-[0-9a-f]{8}-[0-9]{1,5}|[a_.-]{0,40}-[0-9a-f]{8}-0|\\PC{0,60}",
            number in 1..=i32::MAX,
        ) {
            let name = trial_name(&trial_id, number);
            prop_assert!(is_image_name_part(&name), "{name}");
            prop_assert!(is_image_name_part(&format!("{}-main", compose_project(&name))), "{name}");
            prop_assert!(name.len() <= MAX_TRIAL_NAME, "{name}");
            prop_assert!(name.ends_with(&format!("-a{number}")), "{name}");
            // What Compose calls a container, and Harbor a file.
            prop_assert_eq!(image_name_part(&name), name);
        }
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

//! The names that make a trial's folder readable: those that Harbor gives to folders and files in it, and that the product reads it by.
//! A secret that happens to be one of these words is left alone in them.

use std::path::Path;

use crate::redaction::Redactor;

/// Names of folders and files, wherever they lie in the tree.
const NAMES: &[&str] = &[
    "agent",
    "artifacts",
    "config.json",
    "ctrf.json",
    "exception.txt",
    "job.log",
    "lock.json",
    "manifest.json",
    "oracle.txt",
    "result.json",
    "return-code.txt",
    "reward.json",
    "reward.txt",
    "setup",
    "stderr.txt",
    "stdout.txt",
    STEPS,
    "test-stderr.txt",
    "test-stdout.txt",
    "trajectory.json",
    "trajectory.jsonl",
    "trial.log",
    "verifier",
];

/// The folder whose own folders are called after the task's steps.
const STEPS: &str = "steps";

/// What the folder of a numbered command begins with.
const COMMAND: &str = "command-";

/// Files whose keys are Harbor's own words, by which they are read.
const READ_BY_THEIR_KEYS: &[&str] = &[
    "config.json",
    "ctrf.json",
    "lock.json",
    "manifest.json",
    "result.json",
    "reward.json",
    "trajectory.json",
    "trajectory.jsonl",
];

/// Whether the keys of a file are left as they are.
pub(crate) fn is_read_by_its_keys(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| READ_BY_THEIR_KEYS.contains(&name))
}

/// A path in the tree without the secrets in it, and how many there were.
pub(crate) fn clean_path(redactor: &Redactor, path: &str) -> (String, u64) {
    let mut kept = vec![false; path.len()];
    let mut start = 0;
    let mut parent = "";
    for (depth, name) in path.split('/').enumerate() {
        let end = start + name.len();
        let is_step = depth == 1 && parent == STEPS;
        if is_step || NAMES.contains(&name) || is_command(name) {
            kept[start..end].fill(true);
        }
        if let Some(slash) = kept.get_mut(end) {
            *slash = true;
        }
        (start, parent) = (end + 1, name);
    }
    redactor.masked(path, |secret| !kept[secret].iter().all(|kept| *kept))
}

fn is_command(name: &str) -> bool {
    name.strip_prefix(COMMAND)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("trajectory", "agent/trajectory.json", "agent/trajectory.json")]
    #[case("result.json", "result.json", "result.json")]
    #[case("verifier", "steps/verifier/verifier/test-stdout.txt", "steps/verifier/verifier/test-stdout.txt")]
    #[case("agent/trajectory", "agent/trajectory.json", "agent/trajectory.json")]
    #[case("command-12", "agent/command-12/stdout.txt", "agent/command-12/stdout.txt")]
    #[case("artifacts", "agent/my-artifacts/x", "agent/my-[redacted]/x")]
    #[case("hush-4711", "agent/hush-4711.txt", "agent/[redacted].txt")]
    #[case("hush-4711", "steps/one/agent/a-hush-4711-b", "steps/one/agent/a-[redacted]-b")]
    #[case("agent/hush-4711", "agent/hush-4711/x", "[redacted]/x")]
    fn names_of_the_tree_stay_and_others_lose_their_secrets(
        #[case] secret: &str,
        #[case] path: &str,
        #[case] clean: &str,
    ) {
        let expected = (clean.to_owned(), u64::from(path != clean));
        assert_eq!(clean_path(&Redactor::new([secret]), path), expected);
    }
}

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

/// How soon a file is stored, where not all are: 0 the first. What tells how the trial came out goes before what the agent did, that before what
/// the tests said, and all of it before what the agent left of its work.
pub(crate) fn rank(path: &str) -> u8 {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = match folder.split('/').collect::<Vec<_>>()[..] {
        [STEPS, _step, folder] => folder,
        _ => folder,
    };
    match (folder, name) {
        ("", "result.json") => 0,
        ("", _) if NAMES.contains(&name) => 1,
        ("agent", "trajectory.json" | "trajectory.jsonl") => 2,
        ("verifier", _) if NAMES.contains(&name) => 2,
        ("agent", _) => 3,
        ("verifier", _) => 4,
        _ => 5,
    }
}

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

    #[test]
    fn what_a_trial_is_judged_by_comes_first() {
        let mut paths = [
            "artifacts/agent/trajectory.json",
            "steps/one/agent/session.log",
            "verifier/many/0.txt",
            "verifier/0.txt",
            "steps/one/verifier/reward.txt",
            "agent/0.log",
            "agent/trajectory.json",
            "0.txt",
            "trial.log",
            "result.json",
        ];
        paths.sort_by_key(|path| (rank(path), *path));
        assert_eq!(
            paths,
            [
                "result.json",
                "trial.log",
                "agent/trajectory.json",
                "steps/one/verifier/reward.txt",
                "agent/0.log",
                "steps/one/agent/session.log",
                "verifier/0.txt",
                "0.txt",
                "artifacts/agent/trajectory.json",
                "verifier/many/0.txt",
            ]
        );
    }

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

//! The error message of an attempt as it is stored: its cause first, in one line, and nothing in it that has gone.

use std::path::{Path, PathBuf};

use oddish_db::attempts::Outcome;
use oddish_domain::failure::headline;

use crate::attempt::Scratch;

/// Longest message that is kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 << 10;
/// Longest first line, in bytes.
const MAX_HEADLINE_BYTES: usize = 1000;

/// What Python calls a file that it may not use.
const REFUSED: &str = "PermissionError";
/// What to do, if the file is not one that a sandbox chose.
const HINT: &str = "\n\nHarbor's process may use few files besides the attempt's own where it is confined (ODDISH_CONFINEMENT). \
                    ODDISH_CONFINEMENT_READ adds to what it may read.";

/// Makes the message of an outcome fit to be stored. `gone` is the attempt's folder where it is not kept: of paths in it only what
/// is below the folders of the task and the trial is left.
///
/// It comes after secrets were taken out: of one that is cut, half would stay.
pub(crate) fn finish(outcome: &mut Outcome, gone: Option<(&Scratch, &str)>) {
    let Some(message) = &outcome.error_message else { return };
    let mut message = message.replace('\0', "");
    if outcome.error_type.as_deref() == Some(REFUSED) || message.starts_with(REFUSED) {
        message.push_str(HINT);
    }
    let message = match gone {
        Some((scratch, task_name)) => without_folders(&message, &folders(scratch, task_name)),
        None => message,
    };
    outcome.error_message = Some(cut(&cause_first(&message), MAX_MESSAGE_BYTES));
}

/// The folders that go, the inner ones first, each also as the operating system calls it where it lies behind a link.
fn folders(scratch: &Scratch, task_name: &str) -> Vec<PathBuf> {
    let folders = [scratch.task(task_name), scratch.trial(), scratch.root().to_path_buf()];
    let with_resolved = |folder: PathBuf| folder.canonicalize().ok().into_iter().chain([folder]);
    folders.into_iter().flat_map(with_resolved).collect()
}

/// `{folder}/a/b` becomes `a/b`, and `{folder}` a dot.
fn without_folders(message: &str, folders: &[PathBuf]) -> String {
    let mut message = message.to_owned();
    for folder in folders.iter().map(PathBuf::as_path).map(Path::to_string_lossy).filter(|folder| folder.len() > 1) {
        message = message.replace(&format!("{folder}/"), "").replace(&*folder, ".");
    }
    message
}

fn cause_first(message: &str) -> String {
    match headline(message) {
        Some(line) if !message.starts_with(&line) => format!("{}\n\n{message}", cut(&line, MAX_HEADLINE_BYTES)),
        _ => message.trim_start().to_owned(),
    }
}

/// A text of at most `max_bytes`. What is too much is cut out of the middle: what happened is said at the beginning, and why often at
/// the end.
pub(crate) fn cut(text: &str, max_bytes: usize) -> String {
    const CUT: &str = " [cut] ";
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let half = (max_bytes - CUT.len()) / 2;
    let (begin, end) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}{CUT}{}", &text[..begin], &text[end..])
}

#[cfg(test)]
mod tests {
    use oddish_domain::failure::FailureClass;
    use time::OffsetDateTime;

    use super::*;

    fn finished(message: &str) -> Outcome {
        let scratch = Scratch::new(Path::new("/jobs"), "t-1a2b3c4d-0", 1);
        let mut outcome = Outcome {
            error_type: Some("RuntimeError".to_owned()),
            error_message: Some(message.to_owned()),
            ..Outcome::default()
        };
        finish(&mut outcome, Some((&scratch, "hello")));
        outcome
    }

    fn message(message: &str) -> String {
        finished(message).error_message.unwrap()
    }

    fn compose(output: &str) -> String {
        format!(
            "Docker compose command failed for environment hello. Command: docker compose --project-directory \
             /jobs/t-1a2b3c4d-0.1/task/hello/environment -f /jobs/t-1a2b3c4d-0.1/compose-overlay.yaml up. Return code: 1. \
             Stdout: {output}\n. Stderr: None. "
        )
    }

    #[test]
    fn the_cause_is_the_first_line() {
        let message =
            message(&compose(" Container x  Creating\nError response from daemon: range of CPUs is from 0.01 to 2.00"));
        assert!(
            message.starts_with("Error response from daemon: range of CPUs is from 0.01 to 2.00\n\nDocker compose"),
            "{message}"
        );
    }

    #[test]
    fn paths_of_folders_that_are_gone_are_taken_out() {
        let built =
            message(&compose("open /jobs/t-1a2b3c4d-0.1/task/hello/environment/extra.yaml: no such file or directory"));
        assert!(built.starts_with("open environment/extra.yaml: no such file or directory\n"), "{built}");
        assert!(
            built.contains("--project-directory environment -f compose-overlay.yaml") && !built.contains("/jobs"),
            "{built}"
        );
        let trial = "/jobs/t-1a2b3c4d-0.1/trials/t-1a2b3c4d-0-a1";
        assert_eq!(
            message(&format!("No reward file found at {trial}/verifier/reward.txt")),
            "No reward file found at verifier/reward.txt"
        );
        assert_eq!(message(&format!("nothing in {trial}")), "nothing in .");
        let mut kept = Outcome { error_message: Some(format!("They stay in {trial}")), ..Outcome::default() };
        finish(&mut kept, None);
        assert_eq!(kept.error_message.unwrap(), format!("They stay in {trial}"));
    }

    #[test]
    fn a_file_that_was_refused_comes_with_the_setting_that_may_allow_it() {
        for (kind, text) in [
            ("PermissionError", "[Errno 13] Permission denied: '/home/me/.modal.toml'"),
            ("VerifierOutputUnreadable", "PermissionError: [Errno 13] Permission denied: '/etc/shadow'"),
        ] {
            let mut outcome = Outcome {
                error_type: Some(kind.to_owned()),
                error_message: Some(text.to_owned()),
                ..Outcome::default()
            };
            finish(&mut outcome, None);
            let message = outcome.error_message.unwrap();
            assert!(message.starts_with(text) && message.contains("ODDISH_CONFINEMENT_READ"), "{message}");
        }
        assert!(!message("bash: /tests/test.sh: Permission denied").contains("ODDISH"));
    }

    /// What decides the class may stand in the middle, which is cut out.
    #[test]
    fn a_long_message_keeps_its_cause_and_its_class() {
        let noise = "#9 1.0 Get:1 http://deb.debian.org/debian bookworm/main\n".repeat(2000);
        let output = format!(
            "{noise}> [main 2/2] RUN apt-get update:\n1.0 Temporary failure resolving 'deb.debian.org'\n{noise}"
        );
        let outcome = finished(&compose(&output));
        let message = outcome.error_message.clone().unwrap();
        assert!(message.len() <= MAX_MESSAGE_BYTES, "{}", message.len());
        assert!(
            message.starts_with("Temporary failure resolving 'deb.debian.org'\n\n") && message.contains(" [cut] "),
            "{message}"
        );
        assert_eq!(outcome.failure(OffsetDateTime::UNIX_EPOCH).unwrap().class, FailureClass::Infrastructure);
    }

    #[test]
    fn texts_fit_into_the_database() {
        let long = message(&format!("\u{0}what{}why", "\u{e4}".repeat(20_000)));
        assert!(long.len() <= MAX_MESSAGE_BYTES, "{}", long.len());
        assert!(
            long.starts_with("what\u{e4}") && long.contains("\u{e4} [cut] \u{e4}") && long.ends_with("\u{e4}why"),
            "{long}"
        );
    }
}

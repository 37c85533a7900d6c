//! Ids and task names (docs/compatibility.md, 3.1).
//!
//! A task's name is any Unicode text that a person chose, and is kept whole. A task's id travels in URLs, object keys
//! and container names, so it carries only a safe, bounded form of the name.

use std::fmt::Write as _;

use thiserror::Error;

use crate::random::random_bytes;

/// The longest name part of a task id, in bytes: with the dash and 8 digits an id fits into 64.
pub const MAX_SLUG_LEN: usize = 55;

/// The longest task name, in characters.
pub const MAX_TASK_NAME_CHARS: usize = 255;

const NAMELESS_TASK: &str = "task";

/// A new id of 8 lower-case hex digits.
///
/// 32 bits do collide: store it under a unique constraint and draw again on a conflict.
pub fn short_id() -> String {
    hex(&random_bytes::<4>())
}

/// Two lower-case digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// A new task id: `{slug}-{8 hex digits}`, at most 64 bytes of `[A-Za-z0-9._-]`.
///
/// The slug is the name with every run of other characters as one dash; a name without any safe character gives
/// `task`.
pub fn task_id(name: &str) -> String {
    format!("{}-{}", slug(name), short_id())
}

/// The id of the trial at `index` (from 0, over the whole task).
pub fn trial_id(task_id: &str, index: u32) -> String {
    format!("{task_id}-{index}")
}

/// Splits a trial id into its task id and index at the last dash; `None` where [`trial_id`] can't have made it.
pub fn parse_trial_id(trial_id: &str) -> Option<(&str, u32)> {
    let (task_id, digits) = trial_id.rsplit_once('-')?;
    // `parse` alone would take a sign, and leading zeros would give one trial several ids.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if task_id.is_empty() || !plain {
        return None;
    }
    Some((task_id, digits.parse().ok()?))
}

/// The id of version `number` (from 1) of a task: `{task_id}-v{number}`.
pub fn version_id(task_id: &str, number: u32) -> String {
    format!("{task_id}-v{number}")
}

/// Why a text can't be a task's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing but whitespace.
    #[error("a task's name can't be empty: give it at least one visible character")]
    Empty,
    /// Longer than [`MAX_TASK_NAME_CHARS`].
    #[error("a task's name can have at most {MAX_TASK_NAME_CHARS} characters, and this one has {chars}: shorten it")]
    TooLong {
        /// Characters of the name.
        chars: usize,
    },
    /// A control character, which would corrupt terminals and logs.
    #[error("a task's name can't contain control characters, and this one has {character:?}: remove it")]
    Control {
        /// The first one.
        character: char,
    },
}

/// Checks a task's name: any Unicode of 1 to 255 characters without control characters. Returns it trimmed.
pub fn task_name(name: &str) -> Result<String, NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Empty);
    }
    let chars = name.chars().count();
    if chars > MAX_TASK_NAME_CHARS {
        return Err(NameError::TooLong { chars });
    }
    match name.chars().find(|character| character.is_control()) {
        Some(character) => Err(NameError::Control { character }),
        None => Ok(name.trim().to_owned()),
    }
}

/// The task name that an uploaded archive's file name stands for (docs/compatibility.md, 1.5): its last path component without
/// `.tar.gz`, `.tgz` or `.tar`; `task` when nothing is left.
///
/// Only those endings go, so that `swe-1.0.tar.gz` and `swe-1.1.tar.gz` stay two tasks. The result
/// still has to pass [`task_name`].
pub fn task_name_from_archive(file_name: Option<&str>) -> String {
    let file_name = file_name.unwrap_or_default();
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = [".tar.gz", ".tgz", ".tar"].iter().find_map(|ending| strip_ending(last, ending)).unwrap_or(last).trim();
    if stem.is_empty() { NAMELESS_TASK.to_owned() } else { stem.to_owned() }
}

/// The name of the task that is announced under `name`, which older clients give the name of the archive's file
/// (docs/compatibility.md, 1.5). What is no name as it is does not become one by its ending.
///
/// Uploads under names that give the same one are versions of one task.
pub fn uploaded_task_name(name: &str) -> Result<String, NameError> {
    task_name(name).and_then(|name| task_name(&task_name_from_archive(Some(&name))))
}

fn strip_ending<'a>(text: &'a str, ending: &str) -> Option<&'a str> {
    let (stem, tail) = text.split_at_checked(text.len().checked_sub(ending.len())?)?;
    tail.eq_ignore_ascii_case(ending).then_some(stem)
}

fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(MAX_SLUG_LEN);
    for character in name.chars() {
        let safe = match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '.' => character,
            _ => '-',
        };
        // A leading dot hides a file, and two dots name the folder above: dots and dashes neither lead nor repeat.
        let separator = matches!(safe, '.' | '-');
        // An id begins with a letter or a digit.
        if (slug.is_empty() && !safe.is_ascii_alphanumeric()) || (separator && slug.ends_with(safe)) {
            continue;
        }
        if slug.len() == MAX_SLUG_LEN {
            break;
        }
        slug.push(safe);
    }
    let slug = slug.trim_end_matches(['.', '-']);
    if slug.is_empty() { NAMELESS_TASK.to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("my-task", "my-task")]
    #[case("swe-1.0", "swe-1.0")]
    #[case("Fix the bug #12 (50 %)", "Fix-the-bug-12-50")]
    #[case("täsk/../../etc", "t-sk-.-.-etc")]
    #[case("..hidden..", "hidden")]
    #[case("a..b", "a.b")]
    #[case("任务", "task")]
    #[case("__init__.py", "init__.py")]
    #[case("🐙_task", "task")]
    #[case("_", "task")]
    #[case("", "task")]
    fn the_slug_is_the_safe_part_of_the_name(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(slug(name), expected);
    }

    #[test]
    fn a_long_name_fits_the_bound() {
        assert_eq!(slug(&"x".repeat(300)).len(), MAX_SLUG_LEN);
        assert_eq!(slug(&format!("{}-tail", "x".repeat(54))), "x".repeat(54), "a cut never leaves a dash at the end");
    }

    #[test]
    fn ids_are_hex_and_differ() {
        let ids: std::collections::BTreeSet<_> = (0..100).map(|_| short_id()).collect();
        assert!(ids.len() > 90, "random ids: {ids:?}");
        assert!(ids.iter().all(|id| id.len() == 8 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))));
    }

    #[rstest]
    #[case("task-1a2b3c4d-0", Some(("task-1a2b3c4d", 0)))]
    #[case("a-b-12", Some(("a-b", 12)))]
    #[case("a-4294967295", Some(("a", u32::MAX)))]
    #[case("a-4294967296", None)]
    #[case("a-+1", None)]
    #[case("a-01", None)]
    #[case("a-", None)]
    #[case("-3", None)]
    #[case("a", None)]
    #[case("a-b", None)]
    #[case("a-٣", None)]
    fn trial_ids_split_at_the_last_dash(#[case] id: &str, #[case] expected: Option<(&str, u32)>) {
        assert_eq!(parse_trial_id(id), expected);
    }

    #[test]
    fn version_ids_count_from_the_task() {
        assert_eq!(version_id("my-task-1a2b3c4d", 2), "my-task-1a2b3c4d-v2");
    }

    #[rstest]
    #[case(Some("swe-1.0.tar.gz"), "swe-1.0")]
    #[case(Some("swe-1.0"), "swe-1.0")]
    #[case(Some("x.tgz"), "x")]
    #[case(Some("x.tar"), "x")]
    #[case(Some("X.TAR.GZ"), "X")]
    #[case(Some("x.tar.tar.gz"), "x.tar")]
    #[case(Some("dir/sub\\x.tar.gz"), "x")]
    #[case(Some("../../etc/"), "task")]
    #[case(Some(".tar.gz"), "task")]
    #[case(Some("né.tar.gz"), "né")]
    #[case(Some(""), "task")]
    #[case(None, "task")]
    fn archives_name_tasks(#[case] file_name: Option<&str>, #[case] expected: &str) {
        assert_eq!(task_name_from_archive(file_name), expected);
    }

    #[rstest]
    #[case("swe-1.0", Ok("swe-1.0"))]
    #[case(" hello.tar.gz ", Ok("hello"))]
    #[case("a\\b", Ok("b"))]
    #[case(".tar", Ok("task"))]
    #[case("", Err(NameError::Empty))]
    #[case("a\n.tar", Err(NameError::Control { character: '\n' }))]
    fn what_is_uploaded_has_a_name(#[case] name: &str, #[case] expected: Result<&str, NameError>) {
        assert_eq!(uploaded_task_name(name), expected.map(String::from));
    }

    #[rstest]
    #[case("  Größe 1.0 #2 ", Ok("Größe 1.0 #2".to_owned()))]
    #[case("", Err(NameError::Empty))]
    #[case(" \t ", Err(NameError::Empty))]
    #[case("a\n", Err(NameError::Control { character: '\n' }))]
    #[case("a\u{1b}[31m", Err(NameError::Control { character: '\u{1b}' }))]
    fn names_are_checked(#[case] name: &str, #[case] expected: Result<String, NameError>) {
        assert_eq!(task_name(name), expected);
    }

    #[test]
    fn names_are_bounded_in_characters() {
        assert!(task_name(&"ü".repeat(255)).is_ok());
        assert_eq!(task_name(&"ü".repeat(256)), Err(NameError::TooLong { chars: 256 }));
    }

    proptest! {
        #[test]
        fn task_ids_are_always_safe(name in any::<String>()) {
            let id = task_id(&name);
            prop_assert!(id.len() <= 64, "{id}");
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')), "{id}");
            prop_assert!(!id.contains("..") && id.starts_with(|first: char| first.is_ascii_alphanumeric()), "{id}");
            let (_, digits) = id.rsplit_once('-').unwrap();
            prop_assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        }

        #[test]
        fn near_safe_names_give_safe_ids(name in "[-._a/]{0,80}") {
            let id = task_id(&name);
            prop_assert!(id.len() <= 64 && !id.contains(".."), "{id}");
            prop_assert!(id.starts_with(|first: char| first.is_ascii_alphanumeric()), "{id}");
        }

        #[test]
        fn trial_ids_round_trip(name in any::<String>(), index in any::<u32>()) {
            let task = task_id(&name);
            let id = trial_id(&task, index);
            prop_assert_eq!(parse_trial_id(&id), Some((task.as_str(), index)));
        }
    }
}

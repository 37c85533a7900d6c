//! Keys and their layout.

use std::path::{Component, Path};

use oddish_artifacts::Key;
use oddish_artifacts::key::{self, KeyFault};
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case::empty("", KeyFault::Empty)]
#[case::absolute("/a", KeyFault::EmptyPart)]
#[case::double_slash("a//b", KeyFault::EmptyPart)]
#[case::trailing_slash("a/", KeyFault::EmptyPart)]
#[case::parent("a/../b", KeyFault::DotPart)]
#[case::here("./a", KeyFault::DotPart)]
#[case::nul("a\0b", KeyFault::ControlCharacter)]
#[case::line_break("a\nb", KeyFault::ControlCharacter)]
#[case::temporary(".tmp/x", KeyFault::Reserved)]
#[case::long(&["a"; 5].map(|part| part.repeat(250)).join("/"), KeyFault::TooLong)]
#[case::long_part(&"a".repeat(256), KeyFault::PartTooLong)]
#[case::deep(&["a"; 65].join("/"), KeyFault::TooDeep)]
fn faulty_keys_are_refused(#[case] text: &str, #[case] fault: KeyFault) {
    assert_eq!(Key::parse(text).unwrap_err().fault(), fault);
}

#[test]
fn messages_are_fit_for_a_terminal() {
    let message = Key::parse(format!("\x1b[2J{}", "a".repeat(2000))).unwrap_err().to_string();
    assert!(message.len() < 300 && !message.contains('\x1b'), "{message}");
}

#[test]
fn the_layout_is_the_documented_one() {
    assert_eq!(
        key::task_archive_key("hello-1a2b3c4d", 2).unwrap().as_str(),
        "tasks/hello-1a2b3c4d/v2/.oddish-task.tar.gz"
    );
    assert_eq!(key::task_prefix("t").unwrap(), "tasks/t/");
    assert_eq!(key::attempt_prefix("t", "t-0", 3).unwrap(), "tasks/t/trials/t-0/attempt-3/");
    assert_eq!(key::attempt_log_prefix("t", "t-0", 3).unwrap(), "tasks/t/trials/t-0/attempt-3.log/");
    assert_eq!(
        key::attempt_log_chunk("t", "t-0", 3, 12).unwrap().as_str(),
        "tasks/t/trials/t-0/attempt-3.log/00000012"
    );
    assert_eq!(key::staging_prefix("abc").unwrap(), "staging/abc/");
    assert_eq!(key::staging_key("abc").unwrap().as_str(), "staging/abc/.oddish-task.tar.gz");
}

#[rstest]
#[case("")]
#[case("..")]
#[case("a/b")]
#[case("a\n")]
fn ids_that_would_lead_elsewhere_are_refused(#[case] id: &str) {
    assert!(key::task_prefix(id).is_err());
    assert!(key::task_archive_key(id, 1).is_err());
    assert!(key::attempt_prefix("t", id, 1).is_err());
    assert!(key::attempt_log_chunk("t", id, 1, 1).is_err());
    assert!(key::staging_key(id).is_err());
}

proptest! {
    #[test]
    fn a_key_is_a_plain_path_below_its_root(text in r"([a.~ü\\ /\x00-\x1f]{0,6}/){0,4}[a.~ü\\ /\x00-\x1f]{0,6}") {
        if let Ok(key) = Key::parse(text.clone()) {
            prop_assert_eq!(key.as_str(), &text);
            let parts: Vec<_> = Path::new(key.as_str()).components().collect();
            prop_assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))));
            prop_assert_eq!(parts.len(), text.split('/').count());
        }
    }
}

//! Files of the repository that are derived from the code, such as `docs/cli.md`.
//!
//! Each has a test, whose name ends with `_is_current`, that hands what the code makes to [`check`] or [`check_part`]. `cargo xtask generate`
//! runs these tests with `UPDATE_EXPECTED` set, and then the file is written.

use std::path::{Path, PathBuf};
use std::{env, fs, thread};

/// How the names of the tests that check derived files end: `cargo xtask generate` finds them by it.
const NAME: &str = "_is_current";

/// Fails unless the file at this path below the repository's root says `expected`.
#[track_caller]
pub fn check(file: &str, expected: &str) {
    assert_named();
    done(settle(&path(file), expected, must_update()), file);
}

/// Fails unless the lines between the line that holds `begin` and the one that holds `end` are `expected`.
#[track_caller]
pub fn check_part(file: &str, begin: &str, end: &str, expected: &str) {
    assert_named();
    let path = path(file);
    let outcome = fs::read_to_string(&path)
        .map_err(|error| format!("it cannot be read: {error}"))
        .and_then(|found| with_part(&found, begin, end, expected))
        .and_then(|whole| settle(&path, &whole, must_update()));
    done(outcome, file);
}

/// `cargo xtask generate` would not find a test of another name. The harness names the thread of a test after it.
#[track_caller]
fn assert_named() {
    let thread = thread::current();
    let name = thread.name().unwrap_or_default();
    assert!(name.ends_with(NAME), "the name of a test that checks a derived file ends with `{NAME}`, not `{name}`");
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}

fn must_update() -> bool {
    env::var_os("UPDATE_EXPECTED").is_some()
}

#[track_caller]
fn done(outcome: Result<(), String>, file: &str) {
    if let Err(fault) = outcome {
        panic!("{file} is not what the code makes: {fault}: run `cargo xtask generate` and commit what it changes");
    }
}

/// Compares the file, or writes it if it differs.
fn settle(path: &Path, expected: &str, update: bool) -> Result<(), String> {
    let found = fs::read_to_string(path);
    if found.as_deref().is_ok_and(|found| found == expected) {
        return Ok(());
    }
    if update {
        return fs::write(path, expected).map_err(|error| format!("it cannot be written: {error}"));
    }
    Err(match found {
        Ok(found) => {
            let same = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
            format!("line {} differs", same + 1)
        }
        Err(error) => format!("it cannot be read: {error}"),
    })
}

/// The text with other lines between two marks.
fn with_part(text: &str, begin: &str, end: &str, part: &str) -> Result<String, String> {
    let missing = |mark: &str| format!("it has no line with `{mark}`");
    let (head, rest) = text.split_once(begin).ok_or_else(|| missing(begin))?;
    let (begin_line, rest) = rest.split_once('\n').ok_or_else(|| missing(end))?;
    let at = rest.find(end).ok_or_else(|| missing(end))?;
    let end_line = rest[..at].rfind('\n').map_or(0, |line_feed| line_feed + 1);
    Ok(format!("{head}{begin}{begin_line}\n{part}{}", &rest[end_line..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_is_a_fault_until_it_is_written() {
        let path = env::temp_dir().join(format!("derived-{}", uuid::Uuid::new_v4().simple()));
        assert!(settle(&path, "a\nb\n", false).unwrap_err().starts_with("it cannot be read"));
        settle(&path, "a\nb\n", true).unwrap();
        settle(&path, "a\nb\n", false).unwrap();
        assert_eq!(settle(&path, "a\nc\n", false).unwrap_err(), "line 2 differs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\n", "a check writes nothing");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn only_the_lines_between_the_marks_change() {
        let text = "x\n<!-- begin: y -->\nold\nolder\n  <!-- end -->\nz\n";
        let changed = with_part(text, "<!-- begin", "<!-- end", "new\n").unwrap();
        assert_eq!(changed, "x\n<!-- begin: y -->\nnew\n  <!-- end -->\nz\n");
        assert_eq!(with_part(&changed, "<!-- begin", "<!-- end", "new\n").unwrap(), changed);
        assert!(with_part("x\n", "<!-- begin", "<!-- end", "new\n").unwrap_err().contains("<!-- begin"));
        assert!(with_part("<!-- begin\n", "<!-- begin", "<!-- end", "new\n").unwrap_err().contains("<!-- end"));
    }

    #[test]
    #[should_panic(expected = "ends with `_is_current`")]
    fn a_test_that_generate_would_not_find_fails() {
        check("README.md", "");
    }
}

//! What `--help` says, and the page of the manual that is made of it.

use std::fmt::Write as _;

use snapbox::{assert_data_eq, file};

use crate::binary::oddish;

#[test]
fn every_command_has_help_with_examples() {
    let snapshots = [
        (vec!["--help"], file!["help/oddish.txt"]),
        (vec!["run", "--help"], file!["help/run.txt"]),
        (vec!["status", "--help"], file!["help/status.txt"]),
    ];
    for (arguments, expected) in snapshots {
        let outcome = oddish(&arguments);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert!(outcome.stdout.contains("Examples:\n  oddish "), "{outcome:#?}");
        assert_data_eq!(outcome.stdout, expected.raw());
    }
}

#[test]
fn the_manual_page_is_current() {
    let mut page = "# The `oddish` command line\n\nThis page is what the programs themselves say.\n".to_owned();
    for arguments in [vec!["--help"], vec!["run", "--help"], vec!["status", "--help"]] {
        let command = [&["oddish"], &arguments[..arguments.len() - 1]].concat().join(" ");
        write!(page, "\n## `{command}`\n\n```text\n{}\n```\n", oddish(&arguments).stdout.trim_end()).unwrap();
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/cli.md is out of date: run `UPDATE_EXPECTED=1 cargo xtask test -E 'test(the_manual_page)'`"
    );
}

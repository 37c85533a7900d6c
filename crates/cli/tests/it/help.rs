//! What `--help` says, and the page of the manual that is made of it.

use std::fmt::Write as _;

use oddish_test_support::derived;
use snapbox::{assert_data_eq, file};

use crate::binary::{command, oddish};

#[test]
fn every_command_has_help_with_examples() {
    let snapshots = [
        (vec!["queues", "--help"], file!["help/queues.txt"]),
        (vec!["queues", "list", "--help"], file!["help/queues-list.txt"]),
        (vec!["queues", "limit", "--help"], file!["help/queues-limit.txt"]),
        (vec!["queues", "pause", "--help"], file!["help/queues-pause.txt"]),
        (vec!["queues", "resume", "--help"], file!["help/queues-resume.txt"]),
        (vec!["experiments", "--help"], file!["help/experiments.txt"]),
        (vec!["experiments", "list", "--help"], file!["help/experiments-list.txt"]),
        (vec!["experiments", "show", "--help"], file!["help/experiments-show.txt"]),
        (vec!["experiments", "rename", "--help"], file!["help/experiments-rename.txt"]),
        (vec!["experiments", "publish", "--help"], file!["help/experiments-publish.txt"]),
        (vec!["experiments", "unpublish", "--help"], file!["help/experiments-unpublish.txt"]),
        (vec!["keys", "--help"], file!["help/keys.txt"]),
        (vec!["keys", "create", "--help"], file!["help/keys-create.txt"]),
        (vec!["keys", "list", "--help"], file!["help/keys-list.txt"]),
        (vec!["keys", "revoke", "--help"], file!["help/keys-revoke.txt"]),
        (vec!["open", "--help"], file!["help/open.txt"]),
        (vec!["check", "--help"], file!["help/check.txt"]),
        (vec!["config", "--help"], file!["help/config.txt"]),
        (vec!["doctor", "--help"], file!["help/doctor.txt"]),
        (vec!["completions", "--help"], file!["help/completions.txt"]),
        (vec!["--help"], file!["help/oddish.txt"]),
        (vec!["run", "--help"], file!["help/run.txt"]),
        (vec!["status", "--help"], file!["help/status.txt"]),
        (vec!["watch", "--help"], file!["help/watch.txt"]),
        (vec!["results", "--help"], file!["help/results.txt"]),
        (vec!["compare", "--help"], file!["help/compare.txt"]),
        (vec!["cancel", "--help"], file!["help/cancel.txt"]),
        (vec!["retry", "--help"], file!["help/retry.txt"]),
        (vec!["delete", "--help"], file!["help/delete.txt"]),
        (vec!["clean", "--help"], file!["help/clean.txt"]),
        (vec!["logs", "--help"], file!["help/logs.txt"]),
    ];
    for (arguments, expected) in snapshots {
        let outcome = oddish(&arguments);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert!(outcome.stdout.contains("Examples:\n  oddish "), "{outcome:#?}");
        assert_data_eq!(outcome.stdout, expected.raw());
    }
}

/// Help that was not written in full must not look as if it was.
#[test]
fn help_that_cannot_be_written_is_an_error() {
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "error: cannot write to stdout: No space left on device (os error 28)\n",
            "{arguments:?}"
        );
    }
}

/// `oddish --help | head -1` is no failure.
#[test]
fn help_that_nobody_reads_to_its_end_is_fine() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(&["run", "--help"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn the_manual_page_is_current() {
    let mut page = "# The `oddish` command line\n\nThis page is what the programs themselves say.\n".to_owned();
    let commands = ["", "run", "status", "watch", "logs", "results", "compare", "cancel", "retry", "delete", "clean"];
    let places = [
        "experiments",
        "experiments list",
        "experiments show",
        "experiments rename",
        "experiments publish",
        "experiments unpublish",
        "queues",
        "queues list",
        "queues limit",
        "queues pause",
        "queues resume",
        "keys",
        "keys create",
        "keys list",
        "keys revoke",
        "open",
        "check",
        "config",
        "doctor",
        "completions",
    ];
    for command in commands.into_iter().chain(places) {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let command = [&["oddish"], &arguments[..arguments.len() - 1]].concat().join(" ");
        write!(page, "\n## `{command}`\n\n```text\n{}\n```\n", oddish(&arguments).stdout.trim_end()).unwrap();
    }
    derived::check("docs/cli.md", &page);
}

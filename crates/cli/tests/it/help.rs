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

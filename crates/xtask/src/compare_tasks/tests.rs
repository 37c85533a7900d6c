use std::collections::BTreeSet;

use super::corpus;
use super::{Refuser, compare, tasks_below};

/// With the Harbor that is installed.
#[test]
fn our_check_and_harbors_loader_agree_but_where_we_are_stricter_on_purpose() {
    let python = std::env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up");
    let folder = tempfile::tempdir().unwrap();
    let stricter = corpus::write(folder.path());
    let comparison = compare(folder.path(), python.as_ref()).unwrap();
    let (meant, unmeant): (Vec<_>, Vec<_>) =
        comparison.differences.iter().partition(|difference| difference.on_purpose);
    let text = |difference: &&super::Difference| {
        format!("{} ({:?}): {:?}", difference.path, difference.refused_by, difference.reasons)
    };
    assert!(
        unmeant.is_empty(),
        "{} differences:\n{}",
        unmeant.len(),
        unmeant.iter().map(text).collect::<Vec<_>>().join("\n")
    );
    assert!(meant.iter().all(|difference| difference.refused_by == Refuser::Oddish && !difference.reasons.is_empty()));
    let meant: BTreeSet<&str> = meant.iter().map(|difference| difference.path.as_str()).collect();
    assert_eq!(meant, stricter.iter().map(String::as_str).collect(), "these and no others");
    // Not everything is of one kind, or the comparison would say little.
    assert!(
        comparison.both_take > 500 && comparison.both_refuse > 1000,
        "{}",
        comparison.to_text().lines().last().unwrap_or_default()
    );
    assert_eq!(comparison.on_purpose, comparison.only_we_refuse);
}

#[test]
fn every_task_below_a_folder_is_found_once() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["b/task.toml", "a/deep/task.toml", "a/deep/tests/data/task.toml", "c/README.md"] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let found = tasks_below(folder.path()).unwrap();
    assert_eq!(found, ["a/deep", "b"].map(|path| folder.path().join(path)));
    assert_eq!(tasks_below(&folder.path().join("b")).unwrap(), [folder.path().join("b")]);
    assert!(tasks_below(&folder.path().join("c")).unwrap_err().to_string().starts_with("no task lies below"));
}

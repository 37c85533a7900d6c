use super::{Filter, Source, TASK_TOML, TaskNames, find};

fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join(TASK_TOML), "").unwrap();
    }
    folder
}

fn names(folder: &tempfile::TempDir, filter: &Filter) -> Vec<String> {
    let found = find(&[folder.path().into()], filter, TaskNames::Folder).unwrap();
    found.tasks.into_iter().map(|task| task.name).collect()
}

/// The names of the tasks at these paths of a folder, or why there are none: faults and hint, the folder shown as `/w`.
fn found(folder: &tempfile::TempDir, paths: &[&str], filter: &Filter, names: TaskNames) -> Result<Vec<String>, String> {
    let sources: Vec<Source> = paths.iter().map(|path| folder.path().join(path).into()).collect();
    match find(&sources, filter, names) {
        Ok(found) => Ok(found.tasks.into_iter().map(|task| task.name).collect()),
        Err(failure) => {
            let real = folder.path().canonicalize().unwrap();
            Err(format!("{failure:?}").replace(real.to_str().unwrap(), "/w"))
        }
    }
}

fn by_path(folder: &tempfile::TempDir, paths: &[&str]) -> Vec<String> {
    found(folder, paths, &Filter::default(), TaskNames::Path).unwrap()
}

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().copied().map(String::from).collect()
}

#[test]
fn tasks_come_sorted_and_other_entries_are_passed_over() {
    let folder = folder(&["b", "a", "c"]);
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    std::fs::write(folder.path().join("README.md"), "").unwrap();
    assert_eq!(names(&folder, &Filter::default()), ["a", "b", "c"]);
}

#[test]
fn include_then_exclude_then_first() {
    let folder = folder(&["swe-1", "swe-2", "swe-3", "other"]);
    let filter = Filter { include: texts(&["swe-*"]), exclude: texts(&["*-[1]"]), first: Some(1) };
    assert_eq!(names(&folder, &filter), ["swe-2"]);
}

#[test]
fn a_task_given_twice_is_one() {
    let folder = folder(&["a", "b"]);
    let paths = [folder.path().join("a"), folder.path().into(), folder.path().join("a/../a")].map(Source::from);
    assert_eq!(find(&paths, &Filter::default(), TaskNames::Folder).unwrap().tasks.len(), 2);
    std::fs::create_dir(folder.path().join("links")).unwrap();
    std::os::unix::fs::symlink("../a", folder.path().join("links/a")).unwrap();
    let linked = found(&folder, &["a", "links"], &Filter::default(), TaskNames::Folder);
    assert_eq!(linked.unwrap(), ["a"], "by a link too");
}

#[test]
fn filters_that_leave_nothing_are_a_fault() {
    let folder = folder(&["a"]);
    let filter = Filter { include: texts(&["b*"]), ..Filter::default() };
    assert!(find(&[folder.path().into()], &filter, TaskNames::Folder).is_err());
}

/// What is told of the directories that cannot be tasks, the folder shown as `/w`.
fn odd(folder: &tempfile::TempDir, filter: &Filter, names: TaskNames) -> Vec<String> {
    let real = folder.path().canonicalize().unwrap();
    let found = find(&[folder.path().into()], filter, names).unwrap();
    found.odd.iter().map(|dir| format!("{}: {}", dir.shown, dir.fault).replace(real.to_str().unwrap(), "/w")).collect()
}

#[test]
fn one_odd_name_keeps_no_other_task_back() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = folder(&["a", "line\nbreak", "z", " "]);
    let latin = folder.path().join(std::ffi::OsStr::from_bytes(b"latin-\xe9"));
    std::fs::create_dir(&latin).unwrap();
    std::fs::write(latin.join(TASK_TOML), "").unwrap();
    assert_eq!(names(&folder, &Filter::default()), ["a", "z"]);
    let told = [
        "/w/: a task's name can't be empty: give it at least one visible character",
        "/w/latin-\u{fffd}: its name is not UTF-8: rename the directory to run it",
        "/w/line break: its name has control characters: rename the directory to run it",
    ];
    assert_eq!(odd(&folder, &Filter::default(), TaskNames::Folder), told);
    assert_eq!(odd(&folder, &Filter::default(), TaskNames::Path), told);
    let named = Filter { include: texts(&["a"]), ..Filter::default() };
    assert_eq!(odd(&folder, &named, TaskNames::Folder), [""; 0], "nobody asked for it by its name");
}

#[test]
fn a_source_has_a_filter_of_its_own() {
    let folder = folder(&["one/a", "one/b", "one/c", "two/a-2", "two/b-2"]);
    let source = |path: &str, filter| Source { path: folder.path().join(path), filter };
    let first = source("one", Filter { exclude: texts(&["a"]), first: Some(1), ..Filter::default() });
    let second = source("two", Filter { include: texts(&["b*"]), ..Filter::default() });
    let found = find(&[first, second], &Filter::default(), TaskNames::Folder).unwrap();
    assert_eq!(found.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["b", "b-2"]);
}

#[test]
fn a_path_names_a_task_from_the_folder_that_holds_all_that_was_given() {
    let folder = folder(&["d/1/eval-task", "d/2/eval-task", "solve-it"]);
    assert_eq!(by_path(&folder, &["d/1", "d/2"]), ["1-eval-task", "2-eval-task"]);
    assert_eq!(by_path(&folder, &["d/1/eval-task", "d/2/eval-task"]), ["1-eval-task", "2-eval-task"]);
    assert_eq!(by_path(&folder, &["d/2/eval-task", "solve-it"]), ["d-2-eval-task", "solve-it"]);
    assert_eq!(by_path(&folder, &["d/1"]), ["eval-task"]);
    assert_eq!(by_path(&folder, &["d/1/eval-task"]), ["eval-task"]);
}

#[test]
fn by_path_tasks_are_found_at_any_depth_and_none_within_another() {
    let folder = folder(&["b", "a/x/deep", "a/first", "a/x", "z"]);
    std::fs::create_dir_all(folder.path().join("c/no/task")).unwrap();
    assert_eq!(by_path(&folder, &["."]), ["a-first", "a-x", "b", "z"]);
    assert_eq!(by_path(&folder, &["a"]), ["first", "x"]);
    assert_eq!(by_path(&folder, &["a/x/deep", "a/x"]), ["x-deep", "x"]);
    let shallow = found(&folder, &["."], &Filter::default(), TaskNames::Folder);
    assert_eq!(shallow.unwrap(), ["b", "z"], "a folder's name stands for the tasks directly in it");
}

#[test]
fn two_tasks_of_one_name_are_refused_with_both_paths_and_the_flag_that_runs_them() {
    let folder = folder(&["a/solve-it", "b/solve-it", "b/other"]);
    let refused = found(&folder, &["a", "b"], &Filter::default(), TaskNames::Folder).unwrap_err();
    assert!(refused.contains("2 tasks are called solve-it: /w/a/solve-it, /w/b/solve-it"), "{refused}");
    assert!(refused.contains("--task-names path"), "{refused}");
    assert_eq!(by_path(&folder, &["a", "b"]), ["a-solve-it", "b-other", "b-solve-it"]);
    let one = Filter { first: Some(1), ..Filter::default() };
    assert!(found(&folder, &["a", "b"], &one, TaskNames::Folder).is_ok(), "one of them alone runs");
}

#[test]
fn paths_that_join_to_one_name_are_refused_too() {
    let folder = folder(&["a-b/c", "a/b-c"]);
    let refused = found(&folder, &["."], &Filter::default(), TaskNames::Path).unwrap_err();
    assert!(refused.contains("2 tasks are called a-b-c: /w/a/b-c, /w/a-b/c"), "{refused}");
    assert!(refused.contains("--task-names folder"), "{refused}");

    let folder = self::folder(&["a-b/c", "a/b/c"]);
    let refused = found(&folder, &["a-b", "a/b"], &Filter::default(), TaskNames::Folder).unwrap_err();
    assert!(refused.contains("2 tasks are called c") && refused.contains("rename a directory"), "{refused}");
}

#[test]
fn names_that_are_one_to_the_server_are_one_here() {
    let folder = folder(&["a/hello", "b/hello.tar.gz", "c/ hello"]);
    let refused = found(&folder, &["a", "b", "c"], &Filter::default(), TaskNames::Folder).unwrap_err();
    assert!(refused.contains("3 tasks are called hello: "), "{refused}");
}

#[test]
fn what_is_told_of_many_clashes_has_an_end() {
    let all: Vec<String> = (0..20).flat_map(|d| (0..15).map(move |name| format!("d{d}/t{name}"))).collect();
    let folder = folder(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let given: Vec<String> = (0..20).map(|d| format!("d{d}")).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let refused = found(&folder, &given, &Filter::default(), TaskNames::Folder).unwrap_err();
    assert!(refused.contains("20 tasks are called t0: ") && refused.contains(" and 10 more"), "{refused}");
    assert!(refused.contains("5 more names are those of several tasks"), "{refused}");
    assert_eq!(by_path(&folder, &given).len(), 300);
}

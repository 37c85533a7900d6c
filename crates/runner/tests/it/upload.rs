//! What of a trial's folder reaches the store.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use oddish_artifacts::{FolderStore, SharedStore, list_all};
use oddish_runner::redaction::Redactor;
use oddish_runner::settings::TreeBounds;
use oddish_runner::upload::upload_tree;
use serde_json::{Value, json};

use crate::fixtures;

/// More than any test leaves that does not ask for less.
pub(crate) const BOUNDS: TreeBounds = TreeBounds { bytes: 1_000_000_000, files: 1_000_000 };

#[tokio::test]
async fn a_folder_is_stored_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let sample = fixtures().join("samples/multi-step");
    let stored =
        upload_tree(&store, "tasks/t/trials/t-0/attempt-1/", &sample, &Redactor::default(), BOUNDS).await.unwrap();
    let keys = list_all(&*store, "tasks/").await.unwrap();
    assert_eq!((stored.files, &stored.omitted), (keys.len(), &None), "nothing is said to be missing");
    let mut files = 0;
    for entry in
        walkdir::WalkDir::new(&sample).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file())
    {
        files += 1;
        let relative = entry.path().strip_prefix(&sample).unwrap().to_str().unwrap();
        let key = format!("tasks/t/trials/t-0/attempt-1/{relative}").parse().unwrap();
        assert_eq!(store.get(&key).await.unwrap(), fs::read(entry.path()).unwrap(), "{relative}");
    }
    assert_eq!(stored.files, files);
}

/// What is stored below a prefix, by path.
async fn stored(store: &SharedStore, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    for object in list_all(&**store, prefix).await.unwrap() {
        let path = object.key.as_str().strip_prefix(prefix).unwrap().to_owned();
        objects.insert(path, store.get(&object.key).await.unwrap().to_vec());
    }
    objects
}

#[tokio::test]
async fn secrets_are_in_no_file_and_the_tree_says_where_they_were() {
    const SECRET: &str = "hush-4711-hush";
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let trial = scratch.path().join("trial");
    fs::create_dir_all(trial.join("agent")).unwrap();
    // As Harbor writes it: a variable whose name does not say that it is secret stands there in clear.
    let config =
        json!({"trial_name": "t", "agent": {"env": {"GREETING": SECRET, "API_KEY": "hush****ush", "FLAG": "true"}}});
    fs::write(trial.join("config.json"), serde_json::to_vec_pretty(&config).unwrap()).unwrap();
    fs::write(trial.join("result.json"), json!({"config": config}).to_string()).unwrap();
    fs::write(trial.join("agent/core"), [b"\xff\0", SECRET.as_bytes(), b"\0"].concat()).unwrap();
    fs::write(trial.join("agent/plain.txt"), "true, hush-4711\n").unwrap();
    fs::write(trial.join(format!("agent/{SECRET}.txt")), "named").unwrap();
    fs::write(trial.join("agent/[redacted].txt"), "named so").unwrap();
    fs::write(trial.join("redactions.json"), "forged").unwrap();

    let tree = upload_tree(&store, "a/", &trial, &Redactor::new([SECRET]), BOUNDS).await.unwrap();
    let stored = stored(&store, "a/").await;
    assert_eq!((tree.files, stored.len()), (6, 8), "two lists beside them");
    for (path, content) in &stored {
        assert!(!path.contains(SECRET), "{path}");
        assert!(!content.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()), "{path}");
    }
    let read = |path: &str| serde_json::from_slice::<Value>(&stored[path]).unwrap();
    let clean = json!({"trial_name": "t", "agent": {"env": {"GREETING": "[redacted]", "API_KEY": "[redacted]", "FLAG": "true"}}});
    assert_eq!(read("config.json"), clean);
    assert_eq!(read("result.json"), json!({"config": clean}));
    assert_eq!(stored["agent/core"], [b"\xff\0".as_slice(), &[b'*'; 14], b"\0"].concat());
    assert_eq!(stored["agent/plain.txt"], b"true, hush-4711\n");
    assert_eq!(
        (&stored["agent/[redacted].txt"][..], &stored["agent/[redacted].txt.2"][..]),
        (&b"named so"[..], &b"named"[..])
    );
    let file =
        |path: &str, replacements: u64, form: &str| json!({"path": path, "replacements": replacements, "form": form});
    let expected = json!({"mask": "[redacted]", "files": [
        file("agent/[redacted].txt.2", 1, "path"), file("agent/core", 1, "binary"), file("config.json", 2, "text"),
        file("result.json", 2, "text"),
    ]});
    assert_eq!(read("redactions.json"), expected);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "a copy stays");
}

#[tokio::test]
async fn files_that_are_not_kept_are_listed_with_their_reason() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "hush").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let trial = scratch.path().join("trial");
    let deep = format!("deep{}", "/d".repeat(70));
    fs::create_dir_all(trial.join(&deep)).unwrap();
    let latin = OsStr::from_bytes(b"caf\xe9.txt");
    for (name, content) in [
        (OsStr::new("trial.log"), "fine"),
        (OsStr::new("line\nbreak"), "odd"),
        (OsStr::new("hush-4711-hush\t"), "masked"),
        (latin, "latin"),
        (OsStr::new(&format!("{deep}/m")), "m"),
        (OsStr::new("omitted.json"), "forged"),
    ] {
        fs::write(trial.join(name), content).unwrap();
    }
    symlink(outside.path(), trial.join("folder")).unwrap();
    symlink(outside.path().join("secret"), trial.join("file")).unwrap();
    mkfifo(&trial.join("pipe"), Mode::S_IRWXU).unwrap();
    fs::write(trial.join("result.json"), "{}").unwrap();

    let tree = upload_tree(&store, "a/", &trial, &Redactor::new(["hush-4711-hush"]), BOUNDS).await.unwrap();
    let stored = stored(&store, "a/").await;
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["omitted.json", "result.json", "trial.log"]);
    assert_eq!(tree.files, 2);
    let list: Value = serde_json::from_slice(&stored["omitted.json"]).unwrap();
    let file = |path: &str, bytes: u64, reason: &str| json!({"path": path, "bytes": bytes, "reason": reason});
    let reasons = json!({
        "link": 2, "name_has_control_character": 2, "name_not_utf8": 1, "name_taken": 1, "not_a_file": 1, "too_deep": 1,
    });
    let expected = json!({
        "files": 8, "bytes": 21, "reasons": reasons,
        "list": [
            file("[redacted]\t", 6, "name_has_control_character"),
            file("caf\\xe9.txt", 5, "name_not_utf8"),
            file(&format!("{deep}/m"), 1, "too_deep"),
            file("file", 0, "link"),
            file("folder", 0, "link"),
            file("line\nbreak", 3, "name_has_control_character"),
            file("omitted.json", 6, "name_taken"),
            file("pipe", 0, "not_a_file"),
        ],
    });
    assert_eq!(list, expected);
    let counted = json!({"files": 8, "bytes": 21, "reasons": expected["reasons"]});
    assert_eq!(serde_json::to_value(tree.omitted).unwrap(), counted);
}

#[tokio::test]
async fn a_long_list_of_files_that_are_not_kept_is_cut_and_all_are_counted() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let trial = tempfile::tempdir().unwrap();
    for number in 0..1100 {
        symlink("/nowhere", trial.path().join(number.to_string())).unwrap();
    }
    let tree = upload_tree(&store, "a/", trial.path(), &Redactor::default(), BOUNDS).await.unwrap();
    assert!(!tree.is_empty(), "the list itself is there");
    assert_eq!((tree.files, tree.omitted.unwrap().files), (0, 1100));
    let list: Value = serde_json::from_slice(&stored(&store, "a/").await["omitted.json"]).unwrap();
    assert_eq!((list["files"].as_u64(), list["list"].as_array().unwrap().len()), (Some(1100), 1000));
}

/// Whatever becomes of the rest.
#[tokio::test(start_paused = true)]
async fn the_result_comes_first() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    // A file where the store needs a folder: the verifier's files can't be stored.
    store.put(&"a/verifier".parse().unwrap(), "".into()).await.unwrap();
    upload_tree(&store, "a/", &fixtures().join("samples/oracle"), &Redactor::default(), BOUNDS).await.unwrap_err();
    let keys = list_all(&*store, "a/").await.unwrap();
    for file in ["a/config.json", "a/result.json"] {
        assert!(keys.iter().any(|object| object.key.as_str() == file), "{keys:?}");
    }
}

/// A file of no size on the disk is as long as it looks: reading it would take minutes, and storing it all the room there is.
#[tokio::test]
async fn what_goes_beyond_the_bytes_is_left_out_and_the_rest_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let trial = tempfile::tempdir().unwrap();
    fs::create_dir_all(trial.path().join("agent")).unwrap();
    fs::create_dir_all(trial.path().join("artifacts")).unwrap();
    fs::File::create(trial.path().join("agent/0.log")).unwrap().set_len(50_000_000_000).unwrap();
    for (name, bytes) in [("artifacts/a", 60), ("artifacts/b", 60), ("artifacts/c", 10), ("result.json", 20)] {
        fs::write(trial.path().join(name), "x".repeat(bytes)).unwrap();
    }
    let bounds = TreeBounds { bytes: 100, files: 100 };
    let redactor = Redactor::new(["hush-4711-hush"]);
    let tree = upload_tree(&store, "a/", trial.path(), &redactor, bounds);
    let tree = tokio::time::timeout(Duration::from_secs(10), tree).await.expect("it was read").unwrap();
    let stored = stored(&store, "a/").await;
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["artifacts/a", "artifacts/c", "omitted.json", "result.json"]);
    let omitted = json!({"files": 2, "bytes": 50_000_000_060_u64, "reasons": {"too_many_bytes": 2}});
    assert_eq!(serde_json::to_value(tree.omitted).unwrap(), omitted);
}

/// Names that the store cannot have do not count, however many there are.
#[tokio::test]
async fn of_too_many_files_the_important_ones_are_kept() {
    const FILES: usize = 200_000;
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let trial = tempfile::tempdir().unwrap();
    for folder in ["agent", "verifier"] {
        fs::create_dir_all(trial.path().join(folder)).unwrap();
    }
    fs::write(trial.path().join("trial.log"), "x").unwrap();
    for number in 0..FILES / 2 {
        fs::write(trial.path().join(format!("agent/{number}.log")), "").unwrap();
        fs::write(trial.path().join(format!("agent/{number}\t.log")), "").unwrap();
    }
    fs::write(trial.path().join("verifier/reward.txt"), "1").unwrap();
    fs::write(trial.path().join("result.json"), "{}").unwrap();
    let bounds = TreeBounds { bytes: 1_000_000, files: 100 };
    let redactor = Redactor::default();
    let tree = upload_tree(&store, "a/", trial.path(), &redactor, bounds);
    let tree = tokio::time::timeout(Duration::from_mins(1), tree).await.expect("it takes too long").unwrap();
    let stored = stored(&store, "a/").await;
    assert_eq!((tree.files, stored.len()), (100, 101), "and the list");
    for name in ["result.json", "trial.log", "verifier/reward.txt", "agent/0.log"] {
        assert!(stored.contains_key(name), "{name}");
    }
    let omitted = tree.omitted.unwrap();
    assert_eq!(omitted.files, FILES as u64 + 3 - 100);
    let list: Value = serde_json::from_slice(&stored["omitted.json"]).unwrap();
    assert_eq!(list["list"].as_array().unwrap().len(), 1000);
    assert_eq!(list["reasons"]["name_has_control_character"], FILES / 2);
}

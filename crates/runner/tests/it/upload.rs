//! What of a trial's folder reaches the store.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use oddish_artifacts::{FolderStore, SharedStore, list_all};
use oddish_runner::upload::upload_tree;

use crate::fixtures;

#[tokio::test]
async fn a_folder_is_stored_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let sample = fixtures().join("samples/multi-step");
    let stored = upload_tree(&store, "tasks/t/trials/t-0/attempt-1/", &sample).await.unwrap();
    let keys = list_all(&*store, "tasks/").await.unwrap();
    assert_eq!(stored, keys.len());
    let mut files = 0;
    for entry in
        walkdir::WalkDir::new(&sample).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file())
    {
        files += 1;
        let relative = entry.path().strip_prefix(&sample).unwrap().to_str().unwrap();
        let key = format!("tasks/t/trials/t-0/attempt-1/{relative}").parse().unwrap();
        assert_eq!(store.get(&key).await.unwrap(), fs::read(entry.path()).unwrap(), "{relative}");
    }
    assert_eq!(stored, files);
}

#[tokio::test]
async fn links_and_impossible_names_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "hush").unwrap();
    let trial = tempfile::tempdir().unwrap();
    fs::write(trial.path().join("trial.log"), "fine").unwrap();
    fs::write(trial.path().join("line\nbreak"), "odd").unwrap();
    symlink(outside.path(), trial.path().join("folder")).unwrap();
    symlink(outside.path().join("secret"), trial.path().join("file")).unwrap();
    assert_eq!(upload_tree(&store, "a/", trial.path()).await.unwrap(), 1);
    let keys: Vec<String> =
        list_all(&*store, "a/").await.unwrap().into_iter().map(|object| object.key.to_string()).collect();
    assert_eq!(keys, ["a/trial.log"]);
}

#[tokio::test(start_paused = true)]
async fn the_result_comes_when_the_rest_is_there() {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    // A file where the store needs a folder: the verifier's files can't be stored.
    store.put(&"a/verifier".parse().unwrap(), "".into()).await.unwrap();
    upload_tree(&store, "a/", &fixtures().join("samples/oracle")).await.unwrap_err();
    let keys = list_all(&*store, "a/").await.unwrap();
    assert!(keys.iter().any(|object| object.key.as_str() == "a/config.json"));
    assert!(keys.iter().all(|object| object.key.as_str() != "a/result.json"), "{keys:?}");
}

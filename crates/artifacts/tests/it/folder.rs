//! What is particular to the store in a folder.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use oddish_artifacts::{ArtifactStore, FolderStore, Key, SharedStore, StoreError, in_pieces, list_all};
use proptest::prelude::*;
use tokio::task::JoinSet;

use crate::folder_server::FolderServer;

crate::conformance::conformance_tests!({
    let root = tempfile::tempdir().unwrap();
    let (server, store) = FolderServer::start(root.path()).await;
    ((root, server), store)
});

fn store() -> (tempfile::TempDir, SharedStore) {
    let root = tempfile::tempdir().unwrap();
    let store = FolderStore::open(root.path()).unwrap();
    (root, Arc::new(store))
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// A check of the folder alone: s3s-fs can't store such a key, S3 can.
#[tokio::test]
async fn the_longest_parts_work() {
    let (_root, store) = store();
    let name = "n".repeat(255);
    store.put(&key(&name), Bytes::from_static(b"content")).await.unwrap();
    assert_eq!(store.get(&key(&name)).await.unwrap(), "content");
    assert_eq!(list_all(&*store, &name).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_that_others_may_write_to_is_no_store() {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = FolderStore::open(root.path()).unwrap_err();
    assert!(matches!(error, StoreError::Folder(_)) && error.to_string().contains("chmod go-w"), "{error}");
}

#[tokio::test]
async fn very_many_objects_are_deleted_to_the_last() {
    let (root, store) = store();
    let folder = root.path().join("tasks/a");
    fs::create_dir_all(&folder).unwrap();
    for number in 0..20_001 {
        fs::File::create(folder.join(number.to_string())).unwrap();
    }
    assert_eq!(store.delete_prefix("tasks/").await.unwrap(), 20_001);
    assert!(!root.path().join("tasks").exists());
}

#[tokio::test]
async fn pieces_make_the_whole_and_one_that_is_missing_is_told() {
    let (root, store) = store();
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    store.put(&key("large"), content.clone().into()).await.unwrap();
    let read = async |range: std::ops::Range<u64>| {
        let pieces = in_pieces(SharedStore::clone(&store), key("large"), range);
        Ok::<_, StoreError>(pieces.try_collect::<Vec<Bytes>>().await?.concat())
    };
    assert_eq!(read(0..3_000_000).await.unwrap(), content);
    assert_eq!(read(1_048_575..2_500_000).await.unwrap(), content[1_048_575..2_500_000]);
    assert_eq!(read(7..7).await.unwrap(), b"");
    fs::write(root.path().join("large"), "short").unwrap();
    read(0..3_000_000).await.unwrap_err();
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_key_through_a_link_is_refused() {
    let (root, store) = store();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("sub")).unwrap();
    fs::write(outside.path().join("sub/secret"), "secret").unwrap();
    store.put(&key("tasks/a/own"), Bytes::from_static(b"own")).await.unwrap();
    symlink(outside.path(), root.path().join("tasks/link")).unwrap();
    symlink(outside.path().join("sub/secret"), root.path().join("tasks/a/direct")).unwrap();

    let content = Bytes::from_static(b"x");
    for name in ["tasks/link/sub/secret", "tasks/link/sub/new", "tasks/link/new/new", "tasks/a/direct"] {
        let through = key(name);
        let results = [
            store.put(&through, content.clone()).await,
            store.put_if_absent(&through, content.clone()).await.map(drop),
            store.get(&through).await.map(drop),
            store.get_range(&through, 0..1).await.map(drop),
            store.get_to_file(&through, &outside.path().join("copy")).await,
            store.head(&through).await.map(drop),
            store.copy(&through, &key("copy")).await,
            store.copy(&key("tasks/a/own"), &through).await,
        ];
        for result in results {
            assert!(matches!(&result, Err(StoreError::Link { .. })), "{name}: {result:?}");
        }
    }
    assert!(matches!(store.delete_prefix("tasks/link/").await, Err(StoreError::Link { .. })));
    assert!(matches!(store.delete_prefix("tasks/link/sub/").await, Err(StoreError::Link { .. })));
    assert!(matches!(store.list("tasks/link/", None, 10).await, Err(StoreError::Link { .. })));
    let listed = list_all(&*store, "").await.unwrap();
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["tasks/a/own"]);
    store.delete_prefix("tasks/").await.unwrap();
    assert_eq!(fs::read_to_string(outside.path().join("sub/secret")).unwrap(), "secret");
    assert_eq!(names_in(outside.path()), ["sub"]);
    assert_eq!(names_in(&outside.path().join("sub")), ["secret"]);
}

#[tokio::test]
async fn the_root_itself_may_be_a_link() {
    let disk = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    symlink(disk.path(), place.path().join("root")).unwrap();
    let store = FolderStore::open(place.path().join("root")).unwrap();
    store.put(&key("a/b"), Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(fs::read(disk.path().join("a/b")).unwrap(), b"x");
}

#[tokio::test]
async fn unfinished_files_are_not_objects() {
    let (root, store) = store();
    fs::write(root.path().join(".tmp/half"), "half").unwrap();
    assert_eq!(list_all(&*store, "").await.unwrap(), []);
    assert_eq!(list_all(&*store, ".t").await.unwrap(), []);
}

#[tokio::test]
async fn nothing_unfinished_stays() {
    let (root, store) = store();
    store.put(&key("a"), Bytes::from_static(b"x")).await.unwrap();
    assert!(!store.put_if_absent(&key("a"), Bytes::from_static(b"y")).await.unwrap());
    assert!(store.put(&key("a/b"), Bytes::from_static(b"z")).await.is_err());
    assert!(store.put_if_absent(&key("a/b"), Bytes::from_static(b"z")).await.is_err());
    assert!(store.put_if_absent(&key("a/b/c"), Bytes::from_static(b"z")).await.is_err());
    assert!(names_in(&root.path().join(".tmp")).is_empty());
}

#[tokio::test]
async fn emptied_folders_go_away() {
    let (root, store) = store();
    store.put(&key("tasks/a/b/c/d"), Bytes::new()).await.unwrap();
    fs::create_dir_all(root.path().join("tasks/a/b/empty")).unwrap();
    store.put(&key("tasks/z"), Bytes::new()).await.unwrap();
    store.delete_prefix("tasks/a/b/").await.unwrap();
    assert_eq!(names_in(&root.path().join("tasks")), ["z"]);
    store.delete_prefix("tasks/").await.unwrap();
    assert_eq!(names_in(root.path()), [".tmp"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_succeed_while_their_folder_is_emptied() {
    let (_root, store) = store();
    let mut writers = JoinSet::new();
    for writer in 0..2 {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..200 {
                store.put(&key(&format!("t/deep/er/{writer}")), Bytes::new()).await.unwrap();
            }
        });
    }
    while !writers.is_empty() {
        store.delete_prefix("t/deep/").await.unwrap();
        while let Some(finished) = writers.try_join_next() {
            finished.unwrap();
        }
    }
}

#[test]
fn opening_removes_what_the_dead_left() {
    let (root, _store) = store();
    let (old, new) = (root.path().join(".tmp/old"), root.path().join(".tmp/new"));
    for path in [&old, &new] {
        fs::write(path, "").unwrap();
    }
    let two_days_ago = SystemTime::now() - Duration::from_hours(48);
    fs::File::options().write(true).open(&old).unwrap().set_modified(two_days_ago).unwrap();
    FolderStore::open(root.path()).unwrap();
    assert_eq!(names_in(&root.path().join(".tmp")), ["new"]);
}

#[test]
fn the_root_is_made_for_this_user_alone() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("made/too");
    FolderStore::open(&root).unwrap();
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_root_that_cannot_be_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = FolderStore::open(file.path().join("root")).unwrap_err();
    assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
}

#[tokio::test]
async fn a_removed_temporary_folder_is_made_again() {
    let (root, store) = store();
    fs::remove_dir(root.path().join(".tmp")).unwrap();
    store.put(&key("a"), Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), "x");
}

#[test]
fn a_full_disk_is_told_from_other_failures() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
        let error = StoreError::io("storing", "tasks/a", kind.into());
        assert!(matches!(error, StoreError::NoSpace { .. }));
        assert!(error.to_string().starts_with("no space left on the disk while storing `tasks/a`"), "{error}");
    }
    assert!(matches!(StoreError::io("storing", "a", io::ErrorKind::Other.into()), StoreError::Io { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Folder names and file names are of different sets: a folder can't hold both `a` and `a/b`.
    #[test]
    fn any_page_is_a_stretch_of_the_sorted_keys(
        keys in prop::collection::btree_set("((a|a-b|ab|a0|A)/){0,3}(f|a\\.|a!|b|f-)", 0..25),
        prefix in "((a|a-b|ab)/){0,2}(a|a-|f|)",
        after in prop::option::of("((a|a-b|ab|a0)/){0,3}(f|a|a/|z|)"),
        limit in 0_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_root, store) = store();
        runtime.block_on(async {
            for name in &keys {
                store.put(&key(name), Bytes::new()).await.unwrap();
            }
            let page = store.list(&prefix, after.as_deref(), limit).await.unwrap();
            let listed: Vec<&str> = page.iter().map(|object| object.key.as_str()).collect();
            let expected: Vec<&str> = keys
                .iter()
                .map(String::as_str)
                .filter(|name| name.starts_with(&prefix) && after.as_deref().is_none_or(|after| *name > after))
                .take(limit)
                .collect();
            prop_assert_eq!(listed, expected);
            Ok(())
        })?;
    }
}

//! What every [`ArtifactStore`](oddish_artifacts::ArtifactStore) must do. Each check takes an empty store of its own;
//! [`conformance_tests!`] makes a test of each for one kind of store.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use oddish_artifacts::{Key, ObjectMeta, SharedStore, StoreError, list_all};
use tokio::task::JoinSet;

/// Makes a test of every check. `$open` is an expression that gives a guard (kept while the test runs) and a store.
macro_rules! conformance_tests {
    ($open:expr) => {
        $crate::conformance::conformance_tests!(
            $open; conformance;
            a_written_object_is_read_back
            an_object_is_replaced
            what_is_absent_is_not_found
            ranges_are_clipped
            files_go_in_and_out
            links_and_pipes_are_not_stored
            listing_is_in_byte_order_of_whole_keys
            listing_pages_join_without_gap_or_repeat
            listing_begins_after_any_text
            bad_prefixes_are_refused
            copies_stand_alone
            deleting_takes_the_prefix_and_nothing_else
            metadata_tells_size_and_time
            of_concurrent_creators_one_wins
            readers_see_whole_contents_while_they_change
            hostile_but_valid_names_work
        );
        $crate::conformance::conformance_tests!(
            $open; conformance_urls;
            signed_urls_write_and_read
            a_signed_url_of_an_absent_object_finds_nothing
            altered_urls_are_refused
            signed_urls_are_good_for_their_method_only
            a_body_of_another_length_is_refused
            an_expired_url_is_refused
            lifetimes_out_of_bounds_are_refused
        );
    };
    ($open:expr; $module:ident; $($check:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                let (_guard, store) = $open;
                $crate::$module::$check(store).await;
            }
        )+
    };
}
pub(crate) use conformance_tests;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn put(store: &SharedStore, name: &str, content: &'static str) {
    store.put(&key(name), Bytes::from_static(content.as_bytes())).await.unwrap();
}

fn names(objects: &[ObjectMeta]) -> Vec<&str> {
    objects.iter().map(|object| object.key.as_str()).collect()
}

fn assert_not_found<T: std::fmt::Debug>(result: &Result<T, StoreError>, name: &str) {
    assert!(matches!(result, Err(StoreError::NotFound { key }) if key.as_str() == name), "{result:?}");
}

pub(crate) async fn a_written_object_is_read_back(store: SharedStore) {
    put(&store, "a/b/c", "content").await;
    put(&store, "a/b/empty", "").await;
    assert_eq!(store.get(&key("a/b/c")).await.unwrap(), "content");
    assert_eq!(store.get(&key("a/b/empty")).await.unwrap(), "");
}

pub(crate) async fn an_object_is_replaced(store: SharedStore) {
    put(&store, "a", "long old content").await;
    put(&store, "a", "new").await;
    assert_eq!(store.get(&key("a")).await.unwrap(), "new");
    assert_eq!(list_all(&*store, "").await.unwrap().len(), 1);
}

pub(crate) async fn what_is_absent_is_not_found(store: SharedStore) {
    put(&store, "folder/file", "").await;
    let place = tempfile::tempdir().unwrap();
    for name in ["absent", "absent/too", "folder", "folder/file/below"] {
        let absent = key(name);
        assert_not_found(&store.get(&absent).await, name);
        assert_not_found(&store.get_range(&absent, 0..1).await, name);
        assert_not_found(&store.get_to_file(&absent, &place.path().join("f")).await, name);
        assert_not_found(&store.copy(&absent, &key("copy")).await, name);
        assert_eq!(store.head(&absent).await.unwrap(), None);
    }
    assert_eq!(store.list("absent/", None, 10).await.unwrap(), []);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

pub(crate) async fn ranges_are_clipped(store: SharedStore) {
    put(&store, "digits", "0123456789").await;
    for (range, content) in [
        (0..4, "0123"),
        (3..4, "3"),
        (8..100, "89"),
        (10..12, ""),
        (50..60, ""),
        (u64::MAX - 1..u64::MAX, ""),
        (4..4, ""),
        (0..u64::MAX, "0123456789"),
    ] {
        assert_eq!(store.get_range(&key("digits"), range.clone()).await.unwrap(), content, "{range:?}");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a caller's arithmetic may give one")]
    let reversed = 5..2;
    assert_eq!(store.get_range(&key("digits"), reversed).await.unwrap(), "");
}

pub(crate) async fn files_go_in_and_out(store: SharedStore) {
    let place = tempfile::tempdir().unwrap();
    let (source, copy) = (place.path().join("source"), place.path().join("copy"));
    let content: Vec<u8> = (0..9_000_001_u32).map(|i| (i % 251).to_le_bytes()[0]).collect();
    std::fs::write(&source, &content).unwrap();
    std::fs::write(&copy, "something longer was here before? no, but something was").unwrap();
    store.put_file(&key("big"), &source).await.unwrap();
    store.get_to_file(&key("big"), &copy).await.unwrap();
    assert!(std::fs::read(&copy).unwrap() == content);
    assert_eq!(store.get_range(&key("big"), 8_999_999..u64::MAX).await.unwrap(), content[8_999_999..]);
    assert!(matches!(store.put_file(&key("x"), &place.path().join("nowhere")).await, Err(StoreError::Io { .. })));
}

pub(crate) async fn links_and_pipes_are_not_stored(store: SharedStore) {
    let place = tempfile::tempdir().unwrap();
    let (secret, link, pipe) = (place.path().join("secret"), place.path().join("link"), place.path().join("pipe"));
    std::fs::write(&secret, "secret").unwrap();
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [&link, &pipe, &place.path().to_path_buf()] {
        let result = store.put_file(&key("stolen"), path).await;
        assert!(matches!(result, Err(StoreError::Io { .. })), "{result:?}");
    }
    assert_eq!(store.head(&key("stolen")).await.unwrap(), None);
}

pub(crate) async fn listing_is_in_byte_order_of_whole_keys(store: SharedStore) {
    // `-` and `.` come before `/`, `0` after it; capitals before small letters; `ü` after all of ASCII.
    let sorted = ["A/x", "a-b/x", "a.txt", "a/x", "a/x-y", "a/x0", "a/ü", "a0", "ab/x", "b", "ü"];
    for name in sorted.iter().rev() {
        put(&store, name, "").await;
    }
    assert_eq!(names(&list_all(&*store, "").await.unwrap()), sorted);
    assert_eq!(names(&list_all(&*store, "a").await.unwrap()), sorted[1..9]);
    assert_eq!(names(&list_all(&*store, "a/").await.unwrap()), sorted[3..7]);
    assert_eq!(names(&list_all(&*store, "a/x").await.unwrap()), sorted[3..6]);
    assert_eq!(names(&list_all(&*store, "b").await.unwrap()), ["b"]);
}

pub(crate) async fn listing_pages_join_without_gap_or_repeat(store: SharedStore) {
    let mut expected = Vec::new();
    for folder in ["p/a", "p/a-b", "p/a/sub", "p/c"] {
        for file in ["f1", "f2", "f3"] {
            put(&store, &format!("{folder}/{file}"), "").await;
            expected.push(format!("{folder}/{file}"));
        }
    }
    expected.sort();
    for limit in 1..=expected.len() + 1 {
        let mut listed: Vec<String> = Vec::new();
        loop {
            let page = store.list("p/", listed.last().map(String::as_str), limit).await.unwrap();
            assert!(page.len() <= limit);
            listed.extend(page.iter().map(|object| object.key.to_string()));
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(listed, expected, "pages of {limit}");
    }
    assert_eq!(store.list("p/", None, 0).await.unwrap(), []);
}

pub(crate) async fn listing_begins_after_any_text(store: SharedStore) {
    for name in ["a/1", "a/2", "b/1"] {
        put(&store, name, "").await;
    }
    for (after, expected) in [
        ("", vec!["a/1", "a/2", "b/1"]),
        ("a", vec!["a/1", "a/2", "b/1"]),
        ("a/1", vec!["a/2", "b/1"]),
        ("a/1/x", vec!["a/2", "b/1"]),
        ("a/9", vec!["b/1"]),
        ("a0", vec!["b/1"]),
        ("../x", vec!["a/1", "a/2", "b/1"]),
        ("z", vec![]),
    ] {
        assert_eq!(names(&store.list("", Some(after), 10).await.unwrap()), expected, "after {after}");
    }
}

pub(crate) async fn bad_prefixes_are_refused(store: SharedStore) {
    put(&store, "a/b", "").await;
    for prefix in ["/", "/a", "..", "../", "a/../", "a//", "a/./b", "a\0", ".tmp/"] {
        assert!(matches!(store.list(prefix, None, 10).await, Err(StoreError::InvalidKey(_))), "{prefix:?}");
        assert!(matches!(store.delete_prefix(prefix).await, Err(StoreError::InvalidKey(_))), "{prefix:?}");
    }
    for open in ["", "a", "a/b"] {
        assert!(matches!(store.delete_prefix(open).await, Err(StoreError::InvalidKey(_))), "{open:?}");
    }
    assert_eq!(list_all(&*store, "").await.unwrap().len(), 1);
}

pub(crate) async fn copies_stand_alone(store: SharedStore) {
    put(&store, "from", "one").await;
    put(&store, "to/there", "before").await;
    store.copy(&key("from"), &key("to/there")).await.unwrap();
    put(&store, "from", "two").await;
    assert_eq!(store.get(&key("to/there")).await.unwrap(), "one");
    store.copy(&key("from"), &key("from")).await.unwrap();
    assert_eq!(store.get(&key("from")).await.unwrap(), "two");
}

pub(crate) async fn deleting_takes_the_prefix_and_nothing_else(store: SharedStore) {
    for name in ["t/1/a", "t/1/b/c", "t/1-b/a", "t/10/a", "t/1.log/0", "u/1/a"] {
        put(&store, name, "").await;
    }
    assert_eq!(store.delete_prefix("t/1/").await.unwrap(), 2);
    assert_eq!(names(&list_all(&*store, "").await.unwrap()), ["t/1-b/a", "t/1.log/0", "t/10/a", "u/1/a"]);
    assert_eq!(store.delete_prefix("t/1/").await.unwrap(), 0);
    assert_eq!(store.delete_prefix("t/").await.unwrap(), 3);
    put(&store, "t/1/a", "again").await;
    assert_eq!(names(&list_all(&*store, "").await.unwrap()), ["t/1/a", "u/1/a"]);
}

pub(crate) async fn metadata_tells_size_and_time(store: SharedStore) {
    // A store's clock and resolution may differ from ours.
    let slack = Duration::from_mins(1);
    let before = SystemTime::now() - slack;
    put(&store, "a/b", "12345").await;
    let meta = store.head(&key("a/b")).await.unwrap().unwrap();
    assert_eq!((meta.key.as_str(), meta.size), ("a/b", 5));
    assert!(meta.modified >= before && meta.modified <= SystemTime::now() + slack);
    assert_eq!(list_all(&*store, "a/").await.unwrap(), [meta]);
}

pub(crate) async fn of_concurrent_creators_one_wins(store: SharedStore) {
    for round in 0..20 {
        let target = key(&format!("outcome/{round}"));
        let mut creators = JoinSet::new();
        for creator in 0..8 {
            let (store, target) = (store.clone(), target.clone());
            creators.spawn(async move {
                let content = Bytes::from(format!("by {creator}"));
                store.put_if_absent(&target, content.clone()).await.unwrap().then_some(content)
            });
        }
        let winners: Vec<Bytes> = creators.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(store.get(&target).await.unwrap(), winners[0]);
    }
}

pub(crate) async fn readers_see_whole_contents_while_they_change(store: SharedStore) {
    const LENGTH: usize = 300_000;
    let target = key("changing");
    let content = |letter: u8| Bytes::from(vec![letter; LENGTH]);
    store.put(&target, content(b'a')).await.unwrap();
    let writer = tokio::spawn({
        let (store, target) = (store.clone(), target.clone());
        async move {
            for round in 0..60_u8 {
                store.put(&target, content(b'a' + round % 2)).await.unwrap();
            }
        }
    });
    let mut seen: BTreeMap<u8, usize> = BTreeMap::new();
    while !writer.is_finished() {
        let read = store.get(&target).await.unwrap();
        assert_eq!(read.len(), LENGTH);
        assert!(read.iter().all(|letter| *letter == read[0]), "a mixture of two contents");
        *seen.entry(read[0]).or_default() += 1;
    }
    writer.await.unwrap();
    assert!(!seen.is_empty());
}

pub(crate) async fn hostile_but_valid_names_work(store: SharedStore) {
    for name in ["...", "-rf", "a b", "~", "$HOME", "%2e%2e/x", "a\\..\\b", "*", "?#", ".tmpx/y", "x/.tmp/y"] {
        store.put(&key(name), Bytes::from(name.to_owned())).await.unwrap();
        assert_eq!(store.get(&key(name)).await.unwrap(), name, "{name}");
        assert_eq!(names(&store.list(name, None, 1).await.unwrap()), [name]);
    }
}

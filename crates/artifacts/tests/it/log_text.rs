//! Logs as text.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use bytes::Bytes;
use oddish_artifacts::log_text::LogText;
use oddish_artifacts::{FolderStore, Key, SharedStore};

const PREFIX: &str = "tasks/t/trials/t-0/attempt-1/";

async fn store_with(objects: &[(&str, &[u8])]) -> (tempfile::TempDir, SharedStore) {
    let root = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    for (name, content) in objects {
        let key = Key::parse(format!("{PREFIX}{name}")).unwrap();
        store.put(&key, Bytes::copy_from_slice(content)).await.unwrap();
    }
    (root, store)
}

async fn whole(store: &SharedStore, prefix: &str) -> String {
    let log = LogText::of_files(&**store, prefix).await.unwrap();
    let bytes = log.read(&**store, 0..u64::MAX).await.unwrap();
    assert_eq!(log.size(), bytes.len() as u64);
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn log_like_files_are_joined_under_their_keys() {
    let (_root, store) = store_with(&[
        ("config.json", b"{}"),
        ("trial.log", b"started\n"),
        ("exception.txt", b"Traceback"),
        ("agent/trajectory.json", b"{}"),
        ("agent/change.patch", b"+"),
        ("agent/setup/stdout", b"installed"),
        ("steps/one/verifier/score", b"1"),
        ("my-logs/core.bin", b"no"),
        ("artifacts/notes.md", b"no"),
    ])
    .await;
    assert_eq!(
        whole(&store, PREFIX).await,
        "=== tasks/t/trials/t-0/attempt-1/agent/setup/stdout ===\ninstalled\n\n\
         === tasks/t/trials/t-0/attempt-1/exception.txt ===\nTraceback\n\n\
         === tasks/t/trials/t-0/attempt-1/steps/one/verifier/score ===\n1\n\n\
         === tasks/t/trials/t-0/attempt-1/trial.log ===\nstarted\n\n"
    );
}

#[tokio::test]
async fn no_logs_are_an_empty_text() {
    let (_root, store) = store_with(&[("agent.json", b"{}"), ("agent", b"a file, and no folder of logs")]).await;
    assert_eq!(whole(&store, PREFIX).await, "");
    assert_eq!(whole(&store, "tasks/none/").await, "");
}

#[tokio::test]
async fn only_folders_below_the_prefix_make_a_log() {
    let (_root, store) = store_with(&[("agent/deep/raw", b"x")]).await;
    assert_eq!(whole(&store, &format!("{PREFIX}agent/deep/")).await, "");
}

#[tokio::test]
async fn of_very_many_logs_the_first_are_shown() {
    let (root, store) = store_with(&[("agent/0", b"first")]).await;
    let folder = root.path().join(PREFIX).join("verifier");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..10_000 {
        std::fs::File::create(folder.join(format!("{number:05}"))).unwrap();
    }
    let text = whole(&store, PREFIX).await;
    assert!(text.contains("agent/0 ===\nfirst") && text.contains("/09998 ===") && !text.contains("/09999 ==="));
    assert!(text.ends_with("[Only the first 10000 log files are shown; the others can be read as files]\n"));
}

#[tokio::test]
async fn any_part_is_that_part_of_the_whole() {
    let (_root, store) = store_with(&[("a.log", b"12345"), ("b.log", b""), ("c.log", b"\xff\xfe")]).await;
    let log = LogText::of_files(&*store, PREFIX).await.unwrap();
    let bytes = log.read(&*store, 0..log.size()).await.unwrap();
    for start in 0..=bytes.len() {
        for end in start..=bytes.len() + 1 {
            let part = log.read(&*store, start as u64..end as u64).await.unwrap();
            assert_eq!(part, bytes[start..end.min(bytes.len())], "{start}..{end}");
        }
    }
}

#[tokio::test]
async fn a_live_log_grows_and_what_is_not_asked_for_is_not_read() {
    let (root, store) = store_with(&[("00000000", b"one "), ("00000001", b"two "), ("00000009", b"three ")]).await;
    let mut log = LogText::default();
    log.grow(&*store, PREFIX).await.unwrap();
    assert_eq!(log.read(&*store, 0..u64::MAX).await.unwrap(), b"one two three ");
    let key = Key::parse(format!("{PREFIX}00000010")).unwrap();
    store.put(&key, Bytes::from("four")).await.unwrap();
    log.grow(&*store, PREFIX).await.unwrap();
    assert_eq!(log.size(), 18);
    // The store refuses to follow links, so that whoever read these would fail.
    for name in ["00000000", "00000001"] {
        let path = root.path().join(PREFIX).join(name);
        std::fs::remove_file(&path).unwrap();
        symlink("/dev/null", &path).unwrap();
    }
    assert_eq!(log.read(&*store, 8..u64::MAX).await.unwrap(), b"three four");
    log.read(&*store, 7..9).await.unwrap_err();
}

#[tokio::test]
async fn the_last_lines_are_found_whatever_lies_before_them() {
    // More than is read at first.
    let mut text = "x".repeat(100_000);
    text.push_str("\n\nnext to last\nlast\n");
    let (_root, store) = store_with(&[("00000000", text.as_bytes()), ("00000001", b"unfinished")]).await;
    let mut log = LogText::default();
    log.grow(&*store, PREFIX).await.unwrap();
    let tail = async |lines, most| {
        let tail = log.tail(&*store, lines, most).await.unwrap();
        assert_eq!(tail.start + tail.bytes.len() as u64, log.size());
        assert_eq!(tail.is_whole, most > 12);
        String::from_utf8(tail.bytes).unwrap()
    };
    assert_eq!(tail(1, 1 << 20).await, "unfinished");
    assert_eq!(tail(3, 1 << 20).await, "next to last\nlast\nunfinished");
    assert_eq!(tail(4, 1 << 20).await, "\nnext to last\nlast\nunfinished");
    assert_eq!(tail(5, 1 << 20).await.len() as u64, log.size());
    assert_eq!(tail(9, 1 << 20).await.len() as u64, log.size());
    assert_eq!(tail(3, 12).await, "t\nunfinished");
}

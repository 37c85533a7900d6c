//! Logs as text.

use std::sync::Arc;

use bytes::Bytes;
use oddish_artifacts::log_text::{live_log, plain_log};
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
    let text = plain_log(&*store, PREFIX, 10_000).await.unwrap();
    assert_eq!(
        text,
        "=== tasks/t/trials/t-0/attempt-1/agent/setup/stdout ===\ninstalled\n\n\
         === tasks/t/trials/t-0/attempt-1/exception.txt ===\nTraceback\n\n\
         === tasks/t/trials/t-0/attempt-1/steps/one/verifier/score ===\n1\n\n\
         === tasks/t/trials/t-0/attempt-1/trial.log ===\nstarted\n\n"
    );
}

#[tokio::test]
async fn no_logs_are_an_empty_text() {
    let (_root, store) = store_with(&[("agent.json", b"{}"), ("agent", b"a file, and no folder of logs")]).await;
    assert_eq!(plain_log(&*store, PREFIX, 100).await.unwrap(), "");
    assert_eq!(plain_log(&*store, "tasks/none/", 100).await.unwrap(), "");
}

#[tokio::test]
async fn only_folders_below_the_prefix_make_a_log() {
    let (_root, store) = store_with(&[("agent/deep/raw", b"x")]).await;
    assert_eq!(plain_log(&*store, &format!("{PREFIX}agent/deep/"), 100).await.unwrap(), "");
}

#[tokio::test]
async fn bad_utf8_is_replaced() {
    let (_root, store) = store_with(&[("a.log", b"a\xffb\xe2\x82")]).await;
    assert!(plain_log(&*store, PREFIX, 10_000).await.unwrap().ends_with("\na\u{fffd}b\u{fffd}\n"));
}

#[tokio::test]
async fn what_is_too_long_is_counted_and_never_exceeds_the_limit() {
    let euros = "€".repeat(100);
    let (_root, store) =
        store_with(&[("a.log", euros.as_bytes()), ("b.log", b"\xff\xff\xff\xff\xff\xff"), ("c.log", b"12345")]).await;
    let total = 300 + 6 + 5;
    for limit in 0..600 {
        let text = plain_log(&*store, PREFIX, limit).await.unwrap();
        let (logs, note) = text.split_once("\n[Too long to show whole: ").unwrap_or((&text, ""));
        assert!(logs.len() <= limit, "{} bytes where {limit} are allowed", logs.len());
        let shown = 3 * logs.matches('€').count()
            + logs.matches('\u{fffd}').count()
            + if logs.contains("c.log ===\n") { logs.split("c.log ===\n").nth(1).unwrap().trim_end().len() } else { 0 };
        if note.is_empty() {
            assert_eq!(shown, total);
        } else {
            let left_out: usize = note.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(shown + left_out, total, "limit {limit}: {text}");
            assert!(note.contains(&format!("file(s) are in the artifact store under {PREFIX}]\n")), "{note}");
        }
    }
    assert!(!plain_log(&*store, PREFIX, 600).await.unwrap().contains("Too long"));
}

#[tokio::test]
async fn live_chunks_are_put_together() {
    let (_root, store) =
        store_with(&[("00000000", b"one \xe2"), ("00000001", b"\x82\xac two"), ("00000010", b" three")]).await;
    assert_eq!(live_log(&*store, PREFIX, 1000).await.unwrap(), "one € two three");
    assert_eq!(live_log(&*store, PREFIX, 17).await.unwrap(), "one € two three");
    assert_eq!(
        live_log(&*store, PREFIX, 6).await.unwrap(),
        format!("[Too long to show whole: 11 earlier bytes are in the artifact store under {PREFIX}]\n three")
    );
    assert!(live_log(&*store, PREFIX, 0).await.unwrap().starts_with("[Too long to show whole: 17 earlier bytes"));
    assert_eq!(live_log(&*store, "tasks/none/", 10).await.unwrap(), "");
}
